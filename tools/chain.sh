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
# npm calls it a success when a package of the lock that is for some machines only did not arrive, so its
# word is not taken for it. The lock is copied last: what stopped half-way is tried again.
fetch() {
    rm -rf "$place" && mkdir -p "$place/fetched" && cp tools/chain/package.json "$lock" "$place/fetched"
    npm ci --prefix "$place/fetched" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null 2>&1 || return 1
    ls "$place"/fetched/node_modules/@foundry-rs/*/bin/anvil >/dev/null 2>&1 || return 1
    mv "$place/fetched/node_modules" "$place" && rm -r "$place/fetched" && cp "$lock" "$place"
}
for pause in 2 5 0; do
    if fetch; then exit 0; fi
    sleep "$pause"
done
rm -rf "$place"
echo "chain: npm could not fetch anvil, $without"
