#!/bin/sh
# Writes the lock files from pyproject.toml: names, versions and hashes, for every platform, and no
# address of any index. The development lock is the runtime lock and more, version for version.
# usage: VENV=.venv tools/lock.sh [--upgrade]
set -eu
compile() {
    out=$1
    shift
    "${VENV:-.venv}/bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate --group build --output-file "$out" "$@"
}
compile requirements.lock "$@"
compile requirements-dev.lock --extra dev --constraint requirements.lock "$@"
# The sandbox's node in Python, which is installed apart (tools/chain.sh).
"${VENV:-.venv}/bin/uv" pip compile tools/chain/requirements.in --quiet --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate --output-file tools/chain/requirements.lock "$@"
