#!/bin/sh
# The sandbox has a Litecoin where Debian's litecoind is. Fetches it where it may; else says what is missing.
set -eu
if command -v litecoind >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "litecoin: fetching litecoind with apt-get"
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends litecoind >/dev/null; then
        exit 0
    fi
fi
echo "litecoin: no litecoind here, so the tests of the sandbox's Litecoin are left out (Debian: apt install litecoind)"
