#!/bin/sh
# Version: rolldown 1.2.19, msgpackr 2.1.3, msgpackr-extract 3.0.7 on Node 20.20.2
# Guess: a bundle for Node has the native part of a package, or the build or the start says that it lacks it.
# Seen: the bundle of msgpackr goes on in JavaScript alone, and neither says a word. With msgpackr-extract outside it is native.
#   Output, 2026-11-30:
#   plain: native: true
#   build: status 0, warnings 0
#   bundle: native: false
#   bundle without msgpackr-extract: native: true
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{ "type": "module" }' > package.json
npm install --prefix . --silent --no-audit --no-fund rolldown@1.2.19 msgpackr@2.1.3 msgpackr-extract@3.0.7 || exit 2
printf '%s\n' "import { isNativeAccelerationEnabled } from 'msgpackr';" \
  "console.log('native:', isNativeAccelerationEnabled);" > main.js
status=0
node_modules/.bin/rolldown main.js --platform node --format esm --file all.js > build.log 2>&1 || status=$?
node_modules/.bin/rolldown main.js --platform node --format esm --external msgpackr-extract --file outside.js > /dev/null 2>&1 || exit 2
{
  echo "plain: $(node main.js)"
  echo "build: status $status, warnings $(grep -ci 'warn' build.log || true)"
  echo "bundle: $(node all.js)"
  echo "bundle without msgpackr-extract: $(node outside.js)"
} | tee seen
expected='plain: native: true\nbuild: status 0, warnings 0\nbundle: native: false\nbundle without msgpackr-extract: native: true'
[ "$(cat seen)" = "$(printf "$expected")" ] || exit 1
