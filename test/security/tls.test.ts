import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ServerResponse } from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect, type PeerCertificate, type SecureVersion } from 'node:tls';
import test from 'ava';
import { openCertificate } from '../../apps/web/http/certificate.ts';
import { defaultHttpLimits } from '../../apps/web/http/limits.ts';
import { listen } from '../../apps/web/http/server.ts';
import { ConfigError, readConfig } from '../../shared/config/config.ts';
import { createLog } from '../../shared/log/log.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { startBusinessServer } from '../support/business-server.ts';
import { createCertificates } from '../support/certificates.ts';
import { newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { createMiniProgram } from '../support/mini-program.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const createCertificate = await createCertificates(onClose);
/** The certificate that a new connection is shown. */
function shownAt(port: number, options: { maxVersion?: SecureVersion } = {}): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    // Old versions and their ciphers are offered, so that it is the server who refuses them.
    const offer = { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0', ...options } as const;
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...offer }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

async function serve(files: { certFile: string; keyFile: string }, limits = defaultHttpLimits) {
  const lines: string[] = [];
  const log = createLog('web', 'silent');
  log.info = log.error = ((...parts: unknown[]) => void lines.push(JSON.stringify(parts))) as typeof log.info;
  const answer = (_request: unknown, response: ServerResponse) => void response.end('ok');
  const handlers = { onRequest: answer };
  const certificate = openCertificate(files, log, 50);
  const server = await listen(handlers, { host: '127.0.0.1', port: 0, certificate }, limits);
  onClose(() => server.close());
  return { port: server.port, lines, close: () => server.close() };
}

test.serial('a mini program logs in through the SDK over TLS with a caller key', async (t) => {
  const { cert, certFile, keyFile } = createCertificate('sdk');
  const stack = await startStack({ onClose });
  const secure = await stack.addWeb({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, REQUIRE_CALLER_KEY: 'true' });
  const { json } = await runCli(stack.env, ['caller', 'add', 'shop', '--json']);
  https.globalAgent.options.ca = cert;
  const address = `${secure.replace('http:', 'https:')}/k/${json.key as string}`;
  const business = await startBusinessServer(address, onClose);
  const user = newUser();
  const miniProgram = createMiniProgram({ appid: testAppid, user, loginUrl: business.loginUrl });
  t.deepEqual(await miniProgram.login(), { nickName: user });
  const profile = await miniProgram.request(business.profileUrl);
  t.is(profile.statusCode, 200);
  t.deepEqual(business.errors, []);
  await t.throwsAsync(fetch(`${secure}/livez`), undefined, 'plain HTTP is not spoken there');
});

/** The first byte of a handshake, and a whole record of one that says nothing. */
const beginnings = ['', '\x16', '\x16\x03\x01\x00\x00'];

test.serial('a TLS handshake that does not come to an end in time ends its connection', async (t) => {
  const limits = { ...defaultHttpLimits, headersTimeoutMs: 300, connectionsPerCaller: beginnings.length };
  const { port } = await serve(createCertificate('late'), limits);
  const late = beginnings.map((beginning) => {
    const socket = connectPlain(port, '127.0.0.1', () => socket.write(beginning, 'latin1'));
    socket.on('error', () => undefined).resume();
    return once(socket, 'close');
  });
  await Promise.all(late);
  t.is((await shownAt(port)).subject.CN, 'late', 'their places are free again');
});

test.serial('an unfinished TLS handshake is ended with the server', async (t) => {
  const { port, close } = await serve(createCertificate('ended'));
  const socket = connectPlain(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await close();
  await closed;
  t.pass();
});

test.serial('TLS 1.2 and 1.3 are spoken, older versions are not', async (t) => {
  const { port } = await serve(createCertificate('versions'));
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const)
    t.is((await shownAt(port, { maxVersion })).subject.CN, 'versions');
  for (const maxVersion of ['TLSv1.1', 'TLSv1'] as const) await t.throwsAsync(shownAt(port, { maxVersion }));
});

test.serial('a renewed certificate is used without a restart, and open connections stay', async (t) => {
  const files = createCertificate('before');
  const { port } = await serve(files);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  t.teardown(() => agent.destroy());
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      const sent = https.get({ host: '127.0.0.1', port, agent }, (response) => {
        response.resume();
        const { socket } = sent;
        response.once('end', () => resolve(String(socket?.localPort)));
      });
      sent.once('error', reject);
    });
  const connection = await ask();
  createCertificate('after').replace(files);
  await until('the new certificate is shown', async () => (await shownAt(port)).subject.CN === 'after');
  t.is(await ask(), connection);
});

test.serial('files that can’t be used leave the old certificate in use', async (t) => {
  const files = createCertificate('good');
  const stranger = createCertificate('stranger');
  const { port, lines } = await serve(files);
  const told = (text: string) => () => lines.some((line) => line.includes(text));
  stranger.replace({ certFile: files.certFile, keyFile: stranger.keyFile });
  await until('a foreign key is told of', told('TLS_KEY_FILE is not the key of the certificate'));
  writeFileSync(files.certFile, 'no certificate');
  await until('a broken certificate is told of', told('TLS_CERT_FILE holds no certificate'));
  rmSync(files.keyFile);
  await until('a missing key is told of', told('TLS_KEY_FILE can not be read (ENOENT)'));
  t.is((await shownAt(port)).subject.CN, 'good');
  t.false(lines.join('').includes('PRIVATE KEY'));
  createCertificate('repaired').replace(files);
  await until('the repaired files are used', async () => (await shownAt(port)).subject.CN === 'repaired');
});

test.serial('a certificate that can not be read when it comes is used when it can', async (t) => {
  const files = createCertificate('readable');
  const next = createCertificate('unreadable');
  const { port, lines } = await serve(files);
  chmodSync(dirname(files.certFile), 0o755);
  next.replace(files);
  const paths = [files.certFile, files.keyFile];
  for (const path of paths) chmodSync(path, 0o000);
  // Root may read everything, so for now this process is nobody.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await until('it is told of', () => lines.some((line) => line.includes('can not be read (EACCES)')));
    t.is((await shownAt(port)).subject.CN, 'readable');
    // It is tried again, and told once.
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.is(lines.length, 1, lines.join('\n'));
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  for (const path of paths) chmodSync(path, 0o644);
  await until('it is used', async () => (await shownAt(port)).subject.CN === 'unreadable');
  t.is(lines.length, 2);
});

test.serial('every fault of the files is listed at the start, along with the others', (t) => {
  const good = createCertificate('config');
  const other = createCertificate('other');
  const faultsOf = (env: Record<string, string>) =>
    t.throws(() => readConfig({ DATABASE_URL: 'mysql://u:p@h/c', REDIS_URL: 'redis://h', ...env }), {
      instanceOf: ConfigError,
    }).faults;
  t.deepEqual(faultsOf({ TLS_CERT_FILE: good.certFile }), ['TLS_KEY_FILE is missing: TLS_CERT_FILE is set']);
  t.deepEqual(faultsOf({ TLS_KEY_FILE: good.keyFile }), ['TLS_CERT_FILE is missing: TLS_KEY_FILE is set']);
  t.deepEqual(faultsOf({ TLS_CERT_FILE: good.certFile, TLS_KEY_FILE: other.keyFile }), [
    'TLS_KEY_FILE is not the key of the certificate in TLS_CERT_FILE',
  ]);
  const swapped = faultsOf({ TLS_CERT_FILE: good.keyFile, TLS_KEY_FILE: good.certFile, PORT: 'eighty' });
  t.is(swapped.length, 3);
  for (const name of ['PORT', 'TLS_CERT_FILE', 'TLS_KEY_FILE']) t.true(swapped.some((fault) => fault.startsWith(name)));
});
