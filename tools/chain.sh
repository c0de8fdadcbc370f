#!/bin/sh
# The sandbox's EVM chains run on anvil, which npm fetches where it may; where there is no anvil they run on a
# node in Python (alysis), which pip fetches. Each file is checked by its hash. All of it lands in the
# environment, so `make clean` takes it away.
# usage: VENV=.venv tools/chain.sh [both]    both: the node in Python even beside an anvil, for its tests
set -eu
venv=${VENV:-.venv}
place=$venv/chain
lock=tools/chain/package-lock.json
python_lock=tools/chain/requirements.lock
machine=$(uname -s)-$(uname -m)

say() { echo "chain: $*"; }

# npm calls it a success when a package of the lock that is for some machines only did not arrive, so its
# word is not taken for it. The lock is copied last: what stopped half-way is tried again.
fetch_anvil() {
    rm -rf "$place/node_modules" "$place/fetched" && mkdir -p "$place/fetched"
    cp tools/chain/package.json "$lock" "$place/fetched"
    npm ci --prefix "$place/fetched" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null 2>&1 || return 1
    ls "$place"/fetched/node_modules/@foundry-rs/*/bin/anvil >/dev/null 2>&1 || return 1
    mv "$place/fetched/node_modules" "$place" && rm -r "$place/fetched" && cp "$lock" "$place"
}

have_anvil() {
    if cmp -s "$lock" "$place/package-lock.json"; then return 0; fi
    if [ "$machine" = Linux-x86_64 ] && command -v npm >/dev/null 2>&1; then
        for pause in 2 5 0; do
            if fetch_anvil; then return 0; fi
            sleep "$pause"
        done
        rm -rf "$place/fetched"
        say "npm could not fetch anvil"
    fi
    command -v anvil >/dev/null 2>&1
}

# Wheels alone: nothing is compiled, nothing runs while it is fetched.
fetch_python_node() {
    if cmp -s "$python_lock" "$place/python/requirements.lock"; then return 0; fi
    rm -rf "$place/python"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --target "$place/python" \
        --require-hashes --no-deps --only-binary :all: -r "$python_lock" >/dev/null 2>&1 || return 1
    cp "$python_lock" "$place/python"
}

if have_anvil && [ "${1:-}" != both ]; then exit 0; fi
if fetch_python_node; then exit 0; fi
rm -rf "$place/python"
if have_anvil; then
    say "no node in Python either, so its tests are left out"
else
    say "no anvil for $machine and no node in Python, so the sandbox has no EVM chains, unless anvil is on the PATH"
fi
