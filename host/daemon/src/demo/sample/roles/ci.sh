#!/bin/sh
# The project's CI: a clean checkout, a while of "fetching the tools", the tests.
set -eu
sleep 1
exec sh tests/run.sh
