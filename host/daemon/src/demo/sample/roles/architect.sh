#!/bin/sh
# Decides where the change goes, from what is there.
set -eu
mkdir -p "$PORTCULLIS_DOCUMENTS"
{
    printf -- '---\nstatus: accepted\n---\n# A command is a file\n\nThe commands there are:\n\n'
    for command in src/commands/*.sh; do printf -- '- %s\n' "$(basename "$command" .sh)"; done
    printf '\nA new command is a new file in `src/commands` and a test beside the others; the dispatcher stays as it is.\n'
} > "$PORTCULLIS_DOCUMENTS/06-adr.md"
echo "wrote the decision"
