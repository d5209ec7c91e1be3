#!/bin/sh
# Runs the tests and reports what came of them.
set -eu
verdict=passed
output=$(sh tests/run.sh 2>&1) || verdict=failed
{
    printf -- '---\nverdict: %s\n---\n# Test report\n\n' "$verdict"
    printf '%s\n' "$output" | sed 's/^/    /'
} > "$PORTCULLIS_DOCUMENTS/15-test-report.md"
printf '%s\n' "$output"
