#!/bin/sh
# The tests that look at pages need Chromium. Fetches it where it may; else says what will be skipped.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "browser: fetching Chromium with apt-get"
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; then
        exit 0
    fi
fi
echo "browser: no Chromium here, so the tests that look at pages are skipped (Debian: apt install chromium)"
