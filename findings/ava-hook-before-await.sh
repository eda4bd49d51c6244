#!/bin/sh
# Version: ava 7.0.0 on Node 20.20.2
# Guess: a test file may await at its top level between declarations.
# Seen: it may before the first hook or test, not after: a hook, an await that takes a while, and the next test fails.
#   Output, 2026-11-29:
#   after-hook: 1
#   before-hook: 0
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{ "type": "module" }' > package.json
npm install --prefix . --silent --no-audit --no-fund ava@7.0.0 || exit 2
wait='await new Promise((resolve) => setTimeout(resolve, 100));'
last="test('passes', (t) => t.pass());"
printf '%s\n' "import test from 'ava';" 'test.before(() => {});' "$wait" "$last" > after-hook.test.js
printf '%s\n' "import test from 'ava';" "$wait" 'test.before(() => {});' "$last" > before-hook.test.js
for name in after-hook before-hook; do
  status=0
  node_modules/.bin/ava "$name.test.js" > "$name.output" 2>&1 || status=$?
  echo "$name: $status"
done | tee output
grep -q 'must be declared synchronously' after-hook.output || exit 1
[ "$(cat output)" = "$(printf 'after-hook: 1\nbefore-hook: 0')" ] || exit 1
