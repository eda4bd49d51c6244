#!/bin/sh
# Version: npm 11.19.1, /bin/sh is dash
# Guess: SIGTERM to npm, while it runs a script, ends what the script runs.
# Seen: it ends npm and the shell between, and node runs on; with `exec` in the script it reaches node. Output, 2026-11-29:
#   plain: node runs on
#   exec: node ended
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix . --silent --no-audit --no-fund npm@11.19.1 || exit 2
mkdir own
cd own
echo '{ "name": "own", "scripts": { "plain": "node x.js", "exec": "exec node x.js" } }' > package.json
echo 'require("fs").writeFileSync("pid", `${process.pid}\n`); setTimeout(() => {}, 60_000);' > x.js
for script in plain exec; do
  rm -f pid
  node ../node_modules/npm/bin/npm-cli.js run "$script" > /dev/null 2>&1 &
  npm=$!
  until [ -s pid ]; do sleep 0.1; done
  kill "$npm"
  wait "$npm" || true
  sleep 1
  if kill "$(cat pid)" 2> /dev/null; then echo "$script: node runs on"; else echo "$script: node ended"; fi
done | tee ../output
[ "$(cat ../output)" = "$(printf 'plain: node runs on\nexec: node ended')" ] || exit 1
