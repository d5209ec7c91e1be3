#!/bin/sh
# deploy-staging: builds the staging image and runs the staging suite. deploy: promotes that very image.
set -eu
here=$(dirname "$0")
case $PORTCULLIS_STAGE in
deploy-staging)
    PORTCULLIS_REVISION=$(git rev-parse HEAD) exec sh "$here/stage.sh"
    ;;
deploy)
    digest=$(sed -n 's/.*"digest":"\(sha256:[0-9a-f]*\)".*/\1/p' "$PORTCULLIS_IMAGES/index.json")
    status=deployed
    git merge-base --is-ancestor "$PORTCULLIS_MERGE_COMMIT" "origin/$PORTCULLIS_TARGET" || status=failed
    {
        printf -- '---\nstatus: %s\nimage: %s\nmerge-commit: %s\n---\n' "$status" "$digest" "$PORTCULLIS_MERGE_COMMIT"
        printf '# Deploy record\n\nPromoted the image that was validated on staging, by digest.\n'
    } > "$PORTCULLIS_DOCUMENTS/16-deploy-record.md"
    echo "$status $digest"
    ;;
esac
