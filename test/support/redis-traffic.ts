import { once } from 'node:events';
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';

/**
 * Everything that clients sent to a Redis while `fn` ran, as its MONITOR shows it: with the arguments of every command. Over a bare
 * socket, because it is to be searched, not understood.
 */
export async function recordRedis(url: string, fn: () => Promise<unknown>): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  try {
    await once(socket, 'connect');
    const end = `end-${randomBytes(8).toString('hex')}`;
    let started = () => {};
    let ended = () => {};
    const whenStarted = new Promise<void>((resolve) => (started = resolve));
    const whenEnded = new Promise<void>((resolve) => (ended = resolve));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      started();
      if (Buffer.concat(chunks.slice(-2)).includes(end)) ended();
    });
    socket.write('MONITOR\r\n');
    await whenStarted;
    await fn();
    // Reported in order: when this one is there, all before it are.
    const marker = connect(Number(port), hostname);
    marker.end(`ECHO ${end}\r\n`).resume();
    await whenEnded;
    return Buffer.concat(chunks).toString('latin1');
  } finally {
    socket.destroy();
  }
}
