#!/bin/sh
# Rewrites constraints.txt with the versions that are installed in .venv: names and versions only, never an address.
set -eu
cd "$(dirname "$0")/.."
{
    echo "# Locked versions; rewrite with tools/lock.sh after trying new ones. Names only, no index host."
    .venv/bin/python -m pip freeze --all --exclude-editable --exclude doxa | grep -E '^[A-Za-z0-9._-]+==' | sort -f
} >constraints.txt.new
mv constraints.txt.new constraints.txt
