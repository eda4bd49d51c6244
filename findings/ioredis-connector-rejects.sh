#!/bin/sh
# Version: ioredis 6.0.0 on Node 20.20.2
# Guess: when connect() of a custom Connector rejects, retryStrategy is asked, as after any failed connection.
# Seen: it is never asked; the client ends for good. Output, 2026-11-29:
#   { asked: 0, status: 'end' }
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix . --silent --no-audit --no-fund ioredis@6.0.0 || exit 2
cat > try.mjs <<'E'
import { Redis } from 'ioredis';
class Connector {
  connect() { return Promise.reject(new Error('no address yet')); }
  disconnect() {}
  check() { return true; }
}
let asked = 0;
const client = new Redis({ Connector, retryStrategy: () => { asked++; return 60_000; } });
client.on('error', () => {});
await Promise.race(['end', 'reconnecting'].map((event) => new Promise((resolve) => client.once(event, resolve))));
console.log({ asked, status: client.status });
process.exit(asked === 0 && client.status === 'end' ? 0 : 1);
E
node try.mjs || exit 1
