#!/bin/sh
# Reads the change against the target and judges whether code came with a test.
set -eu
base=$(git merge-base HEAD "origin/$PORTCULLIS_TARGET")
verdict=approved
git diff --name-only "$base" HEAD -- tests | grep -q . || verdict=changes-requested
{
    printf -- '---\nverdict: %s\n---\n# Review\n\n' "$verdict"
    git diff --stat "$base" HEAD | sed 's/^/    /'
} > "$PORTCULLIS_DOCUMENTS/14-review.md"
echo "verdict: $verdict"
