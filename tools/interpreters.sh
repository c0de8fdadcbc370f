#!/bin/sh
# The sample receivers in docs/receivers run in the languages of their readers. Fetches Node and PHP
# where it may; else says what will be skipped.
set -eu
missing=
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v php >/dev/null 2>&1 || missing="$missing php-cli"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "interpreters: fetching$missing with apt-get"
    # shellcheck disable=SC2086 # each word is a package
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null; then
        exit 0
    fi
fi
echo "interpreters: no$missing here, so those sample receivers are not run (Debian: apt install$missing)"
