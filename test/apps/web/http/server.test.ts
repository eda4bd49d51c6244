import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import { openCertificate, type Certificate } from '../../../../apps/web/http/certificate.ts';
import { listen } from '../../../../apps/web/http/server.ts';
import { createLog } from '../../../../shared/log/log.ts';
import { createCertificates } from '../../../support/certificates.ts';
import { closeAfterAll } from '../../../support/closing.ts';

const onClose = closeAfterAll(test);
const createCertificate = await createCertificates(onClose);
/** A connection, and what came over it until it ended. */
function open(port: number, isSecure: boolean): { socket: Socket; isUp: Promise<unknown>; ended: Promise<string> } {
  const address = { port, host: '127.0.0.1' };
  const socket = isSecure ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
  let received = '';
  // Refused or reset: it ends all the same.
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  return { socket, isUp: once(socket, isSecure ? 'secureConnect' : 'connect'), ended };
}

const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

for (const isSecure of [false, true]) {
  const how = isSecure ? 'over TLS' : 'in plain';
  test(`who has just connected when the end comes is answered, ${how}`, async (t) => {
    const onRequest = (_request: unknown, response: ServerResponse) => void response.end('late');
    const certificate = isSecure ? openCertificate(createCertificate('fresh'), createLog('web', 'silent')) : undefined;
    const server = await listen({ onRequest }, { host: '127.0.0.1', port: 0, certificate });
    // It is looked at before the fresh one.
    const idle = open(server.port, isSecure);
    await idle.isUp;
    idle.socket.write(request('/'));
    await once(idle.socket, 'data');
    const closed = server.close();
    let hasEnded = false;
    void idle.ended.then(() => (hasEnded = true));
    // Connections are taken until shortly before the idle one is ended; the last of them is asked over only then.
    let fresh = idle;
    while (!hasEnded) {
      const next = open(server.port, isSecure);
      if (await next.isUp.then(Boolean, () => false)) {
        if (fresh !== idle) fresh.socket.destroy();
        fresh = next;
      }
      await Promise.race([idle.ended, setTimeout(100)]);
    }
    fresh.socket.write(request('/'));
    t.regex(await fresh.ended, /^HTTP\/1\.1 200[^]*late$/);
    await closed;
  });

  test(`at the end idle connections end, and what is in hand is answered first, ${how}`, async (t) => {
    const held: ServerResponse[] = [];
    const onRequest = ({ url }: { url?: string | undefined }, response: ServerResponse) => {
      if (url === '/held') held.push(response);
      else response.end('quick');
    };
    const certificate: Certificate | undefined = isSecure
      ? openCertificate(createCertificate('end'), createLog('web', 'silent'))
      : undefined;
    const address = { host: '127.0.0.1', port: 0, certificate };
    const server = await listen({ onRequest }, address);
    const connections = Array.from({ length: 60 }, () => open(server.port, isSecure));
    await Promise.all(connections.map(({ isUp }) => isUp));
    const answering = connections.slice(0, 20);
    const used = connections.slice(20, 40);
    for (const { socket } of answering) socket.write(request('/held'));
    for (const { socket } of used) socket.write(request('/'));
    await Promise.all(used.map(({ socket }) => once(socket, 'data')));
    t.is(held.length, 20);

    const closed = server.close();
    const idle = await Promise.all(connections.slice(20).map(({ ended }) => ended));
    t.deepEqual(
      idle.map((text) => text.split('\r\n\r\n')[1] ?? 'nothing'),
      [...used.map(() => 'quick'), ...idle.slice(20).map(() => 'nothing')],
    );
    t.true(answering.every(({ socket }) => !socket.destroyed && socket.bytesRead === 0));
    const [error] = (await once(connect(server.port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    t.is(error.code, 'ECONNREFUSED');
    for (const response of held) response.setHeader('Connection', 'close').end('in time');
    const answers = await Promise.all(answering.map(({ ended }) => ended));
    t.true(answers.every((text) => text.startsWith('HTTP/1.1 200') && text.endsWith('in time')));
    await closed;
  });
}
