#!/bin/sh
# The sandbox's chains run on anvil. Fetches it with npm where it may, each file checked by its hash;
# else says what will be missing. It lands in the environment, so `make clean` takes it away.
set -eu
place=${VENV:-.venv}/chain
lock=tools/chain/package-lock.json
without="so the sandbox has no chains, unless anvil is on the PATH"
if cmp -s "$lock" "$place/package-lock.json"; then exit 0; fi
if ! command -v npm >/dev/null 2>&1; then
    command -v anvil >/dev/null 2>&1 || echo "chain: no npm here to fetch anvil with, $without (Debian: apt install npm)"
    exit 0
fi
mkdir -p "$place"
cp tools/chain/package.json "$lock" "$place"
if ! npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null 2>&1; then
    rm -f "$place/package-lock.json"
    echo "chain: npm could not fetch anvil, $without"
fi
