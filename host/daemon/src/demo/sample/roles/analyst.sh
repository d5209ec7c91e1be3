#!/bin/sh
# Turns the task into a requirement.
set -eu
mkdir -p "$PORTCULLIS_DOCUMENTS"
{
    printf -- '---\nwork-item: %s\nstatus: proposed\n---\n' "$PORTCULLIS_WORK_ITEM"
    printf '# Requirement\n\nThe greeter must be able to say goodbye: `greeter.sh goodbye NAME` prints `goodbye, NAME`.\n\n'
    printf 'Asked for as:\n\n'
    sed 's/^/> /' "$PORTCULLIS_TASK_FILE"
} > "$PORTCULLIS_DOCUMENTS/01-requirement.md"
echo "wrote the requirement"
