import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import test from 'ava';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { createReadiness } from '../../apps/web/readiness.ts';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startHaproxy } from '../support/haproxy.ts';
import { startNginx } from '../support/nginx.ts';
import { startProcess } from '../support/processes.ts';
import { lastRequest, rawCall, speak } from '../support/raw-http.ts';
import { startStack, untilReady } from '../support/stack.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const session = (await login(stack.urls[0], `${newUser()}~1`)).returnData as { id: string; skey: string };
const ports = { web: await findFreePort(), health: await findFreePort() };
const web = startProcess('web', { ...stack.env, PORT: String(ports.web) }, onClose);
const worker = startProcess('worker', { ...stack.env, WORKER_HEALTH_PORT: String(ports.health) }, onClose);
const url = `http://127.0.0.1:${ports.web}`;
await untilReady(url);
await untilReady(`http://127.0.0.1:${ports.health}`);
const get = (path: string, ...headers: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: t', ...headers, '', ''].join('\r\n');
const unknown = rawCall('qcloud.cam.auth', { id: 'unknown', skey: 'unknown' });
/** What one flood may cost in memory, with what the process needs for any work of this size. */
const mostBytes = 120_000_000;

type Flood = (socket: Socket, request: string) => void;

const feed = (socket: Socket, bytes: string): void => {
  if (socket.writable) socket.write(bytes, () => setImmediate(feed, socket, bytes));
};
const floods: Record<string, { readonly connections: number; readonly flood: Flood; readonly isRead: boolean }> = {
  'sent ahead': { connections: 10, flood: (socket, request) => feed(socket, request.repeat(1000)), isRead: true },
  'sent ahead and not read': {
    connections: 50,
    flood: (socket, request) => feed(socket, request.repeat(1000)),
    isRead: false,
  },
  'over many connections': {
    connections: 300,
    flood(socket, request) {
      socket.write(request);
      socket.on('data', () => socket.writable && socket.write(request));
    },
    isRead: true,
  },
  'half closed': { connections: 50, flood: (socket, request) => socket.end(request.repeat(1000)), isRead: true },
  'with large heads': {
    connections: 50,
    flood: (socket, request) => feed(socket, request.replace('\r\n', `\r\nX-A: ${'a'.repeat(7000)}\r\n`).repeat(20)),
    isRead: true,
  },
  'that never end': {
    connections: 500,
    flood: (socket, request) => socket.write(request.replace('\r\n', `\r\nX-A: ${'a'.repeat(7000)}\r\n`).slice(0, -9)),
    isRead: true,
  },
};

/** Floods a port until `meanwhile` is over; a connection that ends is opened again. */
async function whileFlooded(
  port: number,
  { connections, flood, isRead }: (typeof floods)[string],
  request: string,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  let isOver = false;
  const open = (): void => {
    if (isOver) return;
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }, () => flood(socket, request));
    sockets.add(socket);
    if (isRead) socket.resume();
    else socket.pause();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      setTimeout(open, 5);
    });
  };
  for (let index = 0; index < connections; index++) open();
  try {
    await meanwhile();
  } finally {
    isOver = true;
    for (const socket of sockets) socket.destroy();
  }
}

const residentBytes = (pid: number) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

const doors = [
  ['the protocol', ports.web, web.pid, unknown],
  ['a wrong key', ports.web, web.pid, unknown.replace('/mina_auth/', `/k/${'A'.repeat(32)}/mina_auth/`)],
  ['/forward-auth', ports.web, web.pid, get('/forward-auth', 'X-WX-Id: unknown', 'X-WX-Skey: unknown')],
  ['/readyz', ports.web, web.pid, get('/readyz')],
  ['/metrics', ports.web, web.pid, get('/metrics')],
  ['/openapi.json', ports.web, web.pid, get('/openapi.json')],
  ["a worker's /readyz", ports.health, worker.pid, get('/readyz')],
  ["a worker's /metrics", ports.health, worker.pid, get('/metrics')],
] as const;

test.serial('whatever door is flooded others are answered and memory is bounded', async (t) => {
  const isWorkers = (port: number) => port === ports.health;
  for (const [door, port, pid, request] of doors) {
    const before = residentBytes(pid);
    for (const [how, flood] of Object.entries(floods)) {
      await whileFlooded(port, flood, request, async () => {
        for (let index = 0; index < 10; index++) {
          t.is((await auth(url, session)).returnCode, 0, `${door} ${how}`);
          if (isWorkers(port)) t.is((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200, `${door} ${how}`);
        }
        const grown = residentBytes(pid) - before;
        t.true(grown < mostBytes, `${door} ${how}: ${grown}`);
      });
    }
  }
});

test.serial('the stores are probed once a second, however often readiness is asked for', async (t) => {
  let probed = 0;
  const probe = async () => void probed++;
  const readiness = createReadiness(
    {
      redis: probe,
      redisCache: probe,
      redisCacheWrites: probe,
      mysql: probe,
      mysqlWrites: probe,
      queue: probe,
      app: probe,
      worker: probe,
      keys: probe,
    },
    new AbortController().signal,
  );
  const startedAt = performance.now();
  for (let index = 0; index < 1000; index++) await Promise.all(Array.from({ length: 10 }, () => readiness.examine()));
  const seconds = Math.floor((performance.now() - startedAt) / 1000);
  t.true(probed >= 8 && probed <= 8 * (seconds + 2), `${probed} in ${seconds} s`);
});

test.serial('metrics are rendered once for all who ask together', async (t) => {
  for (const base of [url, `http://127.0.0.1:${ports.health}`]) {
    const texts = await Promise.all(Array.from({ length: 30 }, async () => (await fetch(`${base}/metrics`)).text()));
    t.true(new Set(texts).size <= 2, 'and two, if the second ends meanwhile');
  }
});

test.serial('requests sent ahead through nginx and HAProxy get their own answers, in order', async (t) => {
  const server = `server { listen 80; location / { proxy_pass ${url}; proxy_http_version 1.1; proxy_set_header Connection ""; } }`;
  const nginx = await startNginx(server, onClose);
  const { url: haproxy } = await startHaproxy(url, ['option httpchk /livez', 'http-reuse always'], onClose);
  const kinds = [
    [rawCall('qcloud.cam.auth', { id: session.id, skey: session.skey }), /"AUTH_SUCCESS"/],
    [unknown, /"returnCode":60012,/],
    [get('/livez'), /^\{"status":"ok"\}$/],
    [get('/nothing'), /not_found/],
    [rawCall('qcloud.cam.nothing', {}), /"returnCode":1010,/],
  ] as const;
  for (const base of [url, nginx, haproxy]) {
    const sent = Array.from({ length: 300 }, (_, index) => kinds[(index * 3) % kinds.length] as (typeof kinds)[number]);
    const answers = await speak(base, sent.map(([request]) => request).join('') + lastRequest);
    t.is(answers.length, sent.length + 1, base);
    sent.forEach(([, expected], index) => t.regex(answers[index]?.body ?? '', expected, `${base} ${index}`));
  }
});
