#!/bin/sh
# Version: ava 7.0.0 on Node 20.20.2
# Guess: a file whose process goes on after its last test is named, or counts as a failure, in TAP as in the usual report.
# Seen: with a completion handler ava waits for it until its time-out, then exits 1; TAP says "fail 0", and nothing of file or time-out.
#   Output, 2026-11-30:
#   status 1
#   1..1
#   # tests 1
#   # pass 1
#   # fail 0
#   file named: 0
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{ "type": "module" }' > package.json
npm install --prefix . --silent --no-audit --no-fund ava@7.0.0 || exit 2
printf '%s\n' "import test, { registerCompletionHandler } from 'ava';" 'registerCompletionHandler(() => {});' \
  'setInterval(() => {}, 1000);' "test('passes', (t) => t.pass());" > kept.test.js
status=0
node_modules/.bin/ava --tap --timeout=5s kept.test.js > output 2>&1 || status=$?
{
  echo "status $status"
  grep -E '^(1\.\.|# (tests|pass|fail))' output
  echo "file named: $(grep -c 'kept' output || true)"
} | tee seen
[ "$(cat seen)" = "$(printf 'status 1\n1..1\n# tests 1\n# pass 1\n# fail 0\nfile named: 0')" ] || exit 1
