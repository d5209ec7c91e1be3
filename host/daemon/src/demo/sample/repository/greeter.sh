#!/bin/sh
# The greeter: one command per file in src/commands.
set -eu
here=$(dirname "$0")
command=${1:?usage: greeter.sh COMMAND [NAME]}
shift
[ -f "$here/commands/$command.sh" ] || { echo "greeter: there is no command $command" >&2; exit 2; }
. "$here/commands/$command.sh"
