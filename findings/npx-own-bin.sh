#!/bin/sh
# Version: npm 11.19.1. Run as root: it needs a second user.
# Guess: called with the name of a bin of the package in this folder, npx runs the file.
# Seen: it links the package into the npx cache and makes the file executable first, so it fails for a user who may
#   read the folder but does not own it. Output, 2026-11-29:
#   npm error code EPERM
#   npm error syscall chmod
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix . --silent --no-audit --no-fund npm@11.19.1 || exit 2
mkdir own
mkdir -m 777 cache
echo '{ "name": "own", "version": "1.0.0", "bin": { "own": "own.js" } }' > own/package.json
printf '#!/usr/bin/env node\nconsole.log("ran")\n' > own/own.js
chmod -R a+rX .
cd own
setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$dir/cache" npm_config_cache="$dir/cache" \
  node ../node_modules/npm/bin/npx-cli.js own > ../output 2>&1 || true
grep -E '^ran|error (code|syscall)' ../output
grep -q 'syscall chmod' ../output || exit 1
