#!/bin/sh
# Builds the staging image of $PORTCULLIS_REVISION into an OCI image layout, and runs the staging suite against it.
set -eu
layout=$PORTCULLIS_IMAGES
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$layout/blobs/sha256" "$PORTCULLIS_DOCUMENTS"
# Stores a file under its digest; prints the digest's digits and its size.
blob() {
    digits=$(sha256sum "$1" | cut -d' ' -f1)
    cp "$1" "$layout/blobs/sha256/$digits"
    echo "$digits $(wc -c < "$1" | tr -d ' ')"
}
git archive --format=tar "$PORTCULLIS_REVISION" src > "$work/layer.tar"
set -- $(blob "$work/layer.tar"); layer=$1 layer_size=$2
printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sh","src/greeter.sh"],"Labels":{"org.opencontainers.image.revision":"%s"}},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$PORTCULLIS_REVISION" "$layer" > "$work/config.json"
set -- $(blob "$work/config.json"); config=$1 config_size=$2
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
    "$config" "$config_size" "$layer" "$layer_size" > "$work/manifest.json"
set -- $(blob "$work/manifest.json"); manifest=$1 manifest_size=$2
printf '{"imageLayoutVersion":"1.0.0"}' > "$layout/oci-layout"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"architecture":"amd64","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"greeter:staging"}}]}' \
    "$manifest" "$manifest_size" > "$work/index.json"
mv "$work/index.json" "$layout/index.json"
# The suite runs what is in the image, not what is in the worktree.
mkdir "$work/root"
tar -xf "$layout/blobs/sha256/$layer" -C "$work/root"
check() { # id, command…: one result
    id=$1
    shift
    if "$@" > "$work/output" 2>&1; then status=pass; else status=fail; fi
    echo "$id $status"
    results="${results:+$results,}{\"id\":\"$id\",\"status\":\"$status\"}"
}
results=
check says-hello sh "$work/root/src/greeter.sh" hello staging
check says-goodbye sh "$work/root/src/greeter.sh" goodbye staging
# No resolver knows this name: what every check of name resolution meets in a sandbox without a network.
check infra-dns getent hosts greeter.staging.invalid
printf '{"format":1,"revision":"%s","image":"sha256:%s","checks":[%s]}\n' "$PORTCULLIS_REVISION" "$manifest" "$results" \
    > "$PORTCULLIS_DOCUMENTS/15-staging-results.json"
