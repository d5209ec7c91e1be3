#!/bin/sh
# Writes the command and its test. The first time it also "forgets" a key in the configuration; told so by a gate, it
# takes the key out of the code and out of the branch's history.
set -eu
if grep -q '^## What has to be mended' "$PORTCULLIS_TASK_FILE"; then
    echo "a gate found something:"
    sed -n '/^## What has to be mended/,$p' "$PORTCULLIS_TASK_FILE"
    # A secret that was committed stays in the history: all of the branch's commits become one.
    git reset --quiet --soft "$(git merge-base HEAD "origin/$PORTCULLIS_TARGET")"
    printf 'region=eu-central-1\n# The key comes from the environment.\n' > src/settings.conf
else
    # Put together here, so that this script does not itself carry what looks like a key.
    key=$(printf 'AKIA%s%s' R4J2X7KQ 3VN6TZWB)
    printf 'region=eu-central-1\naws_access_key_id=%s\n' "$key" > src/settings.conf
fi
# The title of the run's task says what is to be done.
sed -n 1p "$PORTCULLIS_TASK_FILE"
printf 'echo "goodbye, ${1:-world}"\n' > src/commands/goodbye.sh
printf '[ "$(sh src/greeter.sh goodbye Ada)" = "goodbye, Ada" ]\n' > tests/goodbye_test.sh
sh tests/run.sh
