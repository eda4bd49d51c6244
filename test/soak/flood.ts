import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { spreadOf } from '../../bench/measure/statistics.ts';
import { createCertificates } from '../support/certificates.ts';
import { login, newUser } from '../support/client.ts';
import type { OnClose } from '../support/closing.ts';
import type { Offered } from '../support/offered.ts';
import { startProcess } from '../support/processes.ts';
import { rawCall } from '../support/raw-http.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { anyDigits, floodKinds, type FloodKind, type FloodOrder } from './flood-order.ts';
import { ahead, behindAll, p99Of, startLoad } from './load-order.ts';
import type { LoadOrder } from './load-process.ts';

/** What was seen of one door under one flood. */
export interface FloodFigures {
  readonly door: string;
  readonly kind: FloodKind;
  /** Answers that the flood got. */
  readonly floodAnswers: number;
  /** Of an honest caller from another address, medians of the rounds. */
  readonly p99QuietMs: number;
  readonly p99FloodMs: number;
  readonly failed: number;
  /** The most that the process had, over what it had before. */
  readonly grownBytes: number;
}

interface Door {
  readonly name: string;
  readonly at: 'web' | 'refusing' | 'secure' | 'worker';
  readonly request: string;
}

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: flood\r\n${headers}\r\n`;
const auth = rawCall('qcloud.cam.auth', { id: `unknown${anyDigits}`, skey: 'unknown' });
const unknownKey = 'A'.repeat(32);

const doors: readonly Door[] = [
  { name: 'protocol', at: 'web', request: auth },
  { name: 'protocol, TLS', at: 'secure', request: auth },
  { name: 'protocol, refused', at: 'refusing', request: auth },
  { name: 'protocol, wrong key', at: 'web', request: auth.replace('/mina_auth/', `/k/${unknownKey}/mina_auth/`) },
  {
    name: '/forward-auth',
    at: 'web',
    request: get('/forward-auth', `X-WX-Id: unknown${anyDigits}\r\nX-WX-Skey: unknown\r\n`),
  },
  { name: '/readyz', at: 'web', request: get('/readyz') },
  { name: '/readyz, refused', at: 'refusing', request: get('/readyz') },
  { name: '/metrics', at: 'web', request: get('/metrics') },
  { name: '/openapi.json', at: 'web', request: get('/openapi.json') },
  { name: "worker's /readyz", at: 'worker', request: get('/readyz') },
  { name: "worker's /metrics", at: 'worker', request: get('/metrics') },
];

const rounds = 3;
const checksPerSecond = 200;
const loginsPerSecond = 20;

const loadFile = fileURLToPath(new URL('./load-process.js', import.meta.url));
const floodFile = fileURLToPath(new URL('./flood-process.js', import.meta.url));

/** Every door under every flood, one after the other, on processes that stay. */
export async function* runFloods(seconds: number, signal: AbortSignal): AsyncGenerator<FloodFigures> {
  const closers: (() => Promise<unknown>)[] = [];
  const onClose = (close: () => Promise<void>) => void closers.push(close);
  try {
    const site = await startSite(onClose);
    const ask = startLoad<LoadOrder, Offered[]>(loadFile, onClose, ahead);
    const flood = startLoad<FloodOrder, number>(floodFile, onClose, behindAll);
    const { returnData: session } = await login(site.web.url, newUser());
    for (const door of doors) {
      const { url, port, pid } = site[door.at];
      // A worker's honest callers are users who log in.
      const honest =
        door.at === 'worker'
          ? { url: site.web.url, perSecond: loginsPerSecond, seconds }
          : { url, session, perSecond: checksPerSecond, seconds };
      for (const kind of floodKinds) {
        if (signal.aborted) return;
        const order = { kind, port, isSecure: door.at === 'secure', from: '127.0.0.2', request: door.request, seconds };
        await ask({ ...honest, seconds: 1 }, 1);
        const quietP99s: number[] = [];
        const floodP99s: number[] = [];
        const all: Offered[] = [];
        let floodAnswers = 0;
        let grownBytes = 0;
        for (let round = 0; round < rounds; round++) {
          const quiet = await ask(honest, seconds);
          const before = readMemory(pid, 'VmRSS');
          // From now on VmHWM is the most since now.
          writeFileSync(`/proc/${pid}/clear_refs`, '5');
          const [answers, during] = await Promise.all([flood(order, seconds), ask(honest, seconds)]);
          quietP99s.push(p99Of(quiet));
          floodP99s.push(p99Of(during));
          all.push(...quiet, ...during);
          floodAnswers += answers;
          grownBytes = Math.max(grownBytes, readMemory(pid, 'VmHWM') - before);
        }
        yield {
          door: door.name,
          kind,
          floodAnswers,
          p99QuietMs: spreadOf(quietP99s).median,
          p99FloodMs: spreadOf(floodP99s).median,
          failed: all.filter(({ returnCode }) => returnCode !== 0).length,
          grownBytes,
        };
      }
    }
  } finally {
    for (const close of closers.toReversed()) await close().catch(() => undefined);
  }
}

type Site = Readonly<Record<Door['at'], { readonly url: string; readonly port: number; readonly pid: number }>>;

async function startSite(onClose: OnClose): Promise<Site> {
  const stack = await startStack({ onClose, webs: 0, workers: 0 });
  const { certFile, keyFile } = (await createCertificates(onClose))('flood');
  const open = async (role: 'web' | 'worker', env: Record<string, string>, scheme = 'http') => {
    const port = await findFreePort();
    const name = role === 'web' ? 'PORT' : 'WORKER_HEALTH_PORT';
    const { pid } = startProcess(role, { ...stack.env, ...env, [name]: String(port) }, onClose);
    return { url: `${scheme}://127.0.0.1:${port}`, port, pid };
  };
  const site = {
    worker: await open('worker', {}),
    web: await open('web', {}),
    refusing: await open('web', { ALLOWED_CLIENTS: '127.0.0.1' }),
    secure: await open('web', { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }, 'https'),
  };
  // Nobody here knows who vouches for this certificate.
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  for (const { url, pid } of Object.values(site)) {
    await untilReady(url);
    // What it waits for a processor that others use is not what is measured.
    spawnSync('chrt', ['--all-tasks', '--rr', '--pid', '1', String(pid)]);
  }
  return site;
}

function readMemory(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}
