import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { parseRedisUrl } from '../../shared/config/redis-url.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis, whenReady } from '../../shared/redis/connect.ts';
import { listInstances } from '../../shared/redis/presence.ts';
import { createQueueReader } from '../../shared/rpc/queue-state.ts';
import { createInstalledFolder } from '../support/pm2-site.ts';
import { createPm2 } from '../support/pm2.ts';
import { startProcess } from '../support/processes.ts';
import { startStack } from '../support/stack.ts';
import { startBursts, type Stretch } from './bursts.ts';

/** One look a second. */
export interface Look {
  readonly second: number;
  readonly sent: number;
  readonly ok: number;
  readonly workers: number;
  readonly oldestMs: number;
}

export interface AutoscaleFigures {
  readonly looks: readonly Look[];
  readonly sent: number;
  readonly ok: number;
  readonly refused: number;
  readonly lost: readonly string[];
  /** What the autoscaler wrote of each step. */
  readonly steps: readonly { readonly time: string; readonly msg: string; readonly why: string }[];
}

/** Each worker has places for 40 log-ins a second, so that the number of processors is not what is tried. */
const placesOfOne = 10;
const wechatMs = 250;
export const mostWorkers = 5;

/** A burst, calm until one worker is left, a load that comes and goes faster than workers leave, and calm. */
export const tenMinutes: readonly Stretch[] = [
  { seconds: 20, perSecond: 15 },
  { seconds: 70, perSecond: 130 },
  { seconds: 270, perSecond: 10 },
  ...Array.from({ length: 5 }, () => [
    { seconds: 12, perSecond: 75 },
    { seconds: 12, perSecond: 10 },
  ]).flat(),
  { seconds: 140, perSecond: 10 },
];
/** Up, and one down. */
export const twoMinutes: readonly Stretch[] = [
  { seconds: 5, perSecond: 15 },
  { seconds: 30, perSecond: 75 },
  { seconds: 100, perSecond: 10 },
];

/**
 * Log-ins in bursts on a real pm2 with the autoscaler, from one worker up and down again. While the first burst lasts the ecosystem file is
 * reloaded, and pm2 restarts the autoscaler.
 */
export async function runAutoscale(stretches: readonly Stretch[], signal: AbortSignal): Promise<AutoscaleFigures> {
  const closers: (() => Promise<unknown>)[] = [];
  const onClose = (close: () => Promise<unknown>) => void closers.push(close);
  try {
    const wechatPort = String(await findFreePort());
    const wechat = { WECHAT_SIMULATOR_PORT: wechatPort, LATENCY_MS: String(wechatMs) };
    await startProcess('wechat-simulator', wechat, onClose).logged('WeChat listens');
    const env = { WECHAT_API_BASE: `http://127.0.0.1:${wechatPort}` };
    const stack = await startStack({ onClose, webs: 0, workers: 0, env });
    const [port, consolePort] = [await findFreePort(), await findFreePort()];
    const site = await createInstalledFolder(onClose);
    await site.writeEnv({
      ...stack.env,
      PORT: String(port),
      CONSOLE_PORT: String(consolePort),
      LOG_LEVEL: 'info',
      WEB_PROCESSES: '1',
      WORKER_PROCESSES: '1',
      WORKERS_MAX: String(mostWorkers),
      WORKER_CONCURRENCY: String(placesOfOne),
    });
    const pm2 = await createPm2({ env: {}, cwd: site.path, onClose });
    await pm2.run('start', 'ecosystem.config.js');

    const client = connectRedis(parseRedisUrl(stack.redis?.url ?? ''), 'commands');
    const clock = createRedisClock(client);
    onClose(async () => {
      clock.close();
      client.disconnect();
    });
    await whenReady(client, AbortSignal.timeout(20_000));
    await clock.sync();
    const queues = createQueueReader(client, 1);
    const bursts = startBursts(`http://127.0.0.1:${port}`, stretches, signal);
    const { counts, lost, done } = bursts;
    const looks: Look[] = [];
    const watching = new AbortController();
    const startedAt = performance.now();
    const watch = async () => {
      while (!watching.signal.aborted) {
        const [loads, workers] = await Promise.all([
          queues.read(clock.nowMs()),
          listInstances(client, clock, 'worker'),
        ]);
        const second = Math.round((performance.now() - startedAt) / 1000);
        const oldestMs = Math.max(...loads.map(({ oldestWaitingMs = 0 }) => oldestWaitingMs));
        looks.push({ second, sent: counts.sent, ok: counts.ok, workers: workers.length, oldestMs });
        await sleep(1000 - ((performance.now() - startedAt) % 1000));
      }
    };
    const watched = watch();
    const [first, burst] = stretches;
    // In the middle of the burst.
    await sleep(((first?.seconds ?? 0) + (burst?.seconds ?? 0) * 0.6) * 1000, undefined, { signal }).catch(
      () => undefined,
    );
    if (!signal.aborted) await pm2.run('reload', 'ecosystem.config.js');
    await done;
    watching.abort();
    await watched;
    const steps = pm2
      .readLog('autoscaler')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as AutoscaleFigures['steps'][number])
      .filter(({ msg }) => msg.startsWith('one worker'));
    return { looks, ...counts, lost, steps };
  } finally {
    for (const close of closers.toReversed()) await close().catch(() => undefined);
  }
}
