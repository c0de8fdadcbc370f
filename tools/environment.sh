#!/bin/sh
# Makes $VENV and installs one lock file into it, then nonstopay itself from this folder (editable).
# usage: VENV=.venv tools/environment.sh requirements.lock
#
# Every downloaded file must have a hash that the lock names. uv (from the same lock) installs five
# times faster than pip; where uv cannot reach the registry (a mirror known to pip only), pip does it.
set -eu
lock=$1
venv=${VENV:-.venv}

say() { printf '%s\n' "environment: $*" >&2; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    without_pip=
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        new_enough "$candidate" || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            python=$candidate
            return
        fi
        without_pip=${without_pip:-$candidate}
    done
    if [ -n "$without_pip" ]; then
        version=$("$without_pip" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "$without_pip is there, but not its module venv. On Debian and Ubuntu: apt install python$version-venv"
    else
        say "no Python 3.11 or newer found. Install one, or name it: make PYTHON=/path/to/python3.12"
    fi
    exit 1
}

# The lines of one package in the lock file: "name==version \", then its hashes.
locked() { awk -v name="$1==" 'index($0, name) == 1 { on = 1 } on { print } on && !/\\$/ { exit }' "$lock"; }

install_with_uv() {
    locked uv | "$venv/bin/python" -m pip install -q --require-hashes -r /dev/stdin >/dev/null 2>&1 &&
        "$venv/bin/uv" pip install -q --python "$venv/bin/python" --require-hashes -r "$lock" 2>/dev/null
}

install_with_pip() {
    say "uv could not; pip takes over"
    "$venv/bin/python" -m pip install -q --require-hashes -r "$lock"
}

export PIP_DISABLE_PIP_VERSION_CHECK=1
if ! new_enough "$venv/bin/python"; then
    find_python
    say "$venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi
say "$(grep -c '==' "$lock") packages from $lock"
install_with_uv || install_with_pip
"$venv/bin/python" -m pip install -q --no-deps --no-index --no-build-isolation --editable .
say "ready: $venv/bin/nonstopay"
