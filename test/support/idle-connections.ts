// Opens connections that say nothing, in a process of its own: file descriptors of a process are limited. Ends when its input does.
import { connect } from 'node:net';

const [, , port = '', count = ''] = process.argv;
const inFlight = 200;
let opened = 0;
let failed = 0;
let begun = 0;

function openNext(): void {
  if (begun === Number(count)) {
    if (opened + failed === Number(count)) process.stdout.write(`${opened}\n`);
    return;
  }
  begun++;
  const socket = connect(Number(port), '127.0.0.1');
  socket.once('connect', () => {
    opened++;
    openNext();
  });
  socket.once('error', () => {
    failed++;
    openNext();
  });
  // One request, so that they are what a client's pool is: idle, not late.
  socket.write('GET /livez HTTP/1.1\r\nHost: test\r\n\r\n');
  socket.resume();
}

for (let index = 0; index < inFlight; index++) openNext();
process.stdin.resume().once('end', () => process.exit());
