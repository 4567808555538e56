#!/bin/sh
# Installs what the tests need besides Rust: the official JavaScript server and
# client (npm) and the official Python client (a virtual environment in build/).
# Does nothing where all is installed already.
set -eu
cd "$(dirname "$0")"

for folder in reference clients/js; do
  if ! [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
    npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error
    touch "$folder/node_modules/.package-lock.json"
  fi
done

venv=../build/venv
if ! [ "$venv/installed" -nt clients/python/requirements.txt ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement clients/python/requirements.txt
  touch "$venv/installed"
fi
