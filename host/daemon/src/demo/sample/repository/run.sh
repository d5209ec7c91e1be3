#!/bin/sh
# Every test is a file tests/*_test.sh that ends with 0.
set -eu
cd "$(dirname "$0")/.."
count=0
for test in tests/*_test.sh; do
    sh "$test" || { echo "FAILED $test"; exit 1; }
    echo "ok $test"
    count=$((count + 1))
done
echo "$count passed, 0 failed"
