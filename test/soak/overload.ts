import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { spreadOf } from '../../bench/measure/statistics.ts';
import { login, newUser } from '../support/client.ts';
import type { OnClose } from '../support/closing.ts';
import { countOutcomes, type Offered } from '../support/offered.ts';
import { startProcess } from '../support/processes.ts';
import { startStack, untilReady } from '../support/stack.ts';
import type { LoadOrder } from './load-process.ts';
import { ahead, behindAll, p99Of, startLoad } from './load-order.ts';

/** What was seen of one front end and one worker with room for about 50 log-ins a second. */
export interface OverloadFigures {
  readonly offered: number;
  readonly succeeded: number;
  /** Successes while it lasted; those that came from the queue afterwards are not in it. */
  readonly goodputPerSecond: number;
  /** At once, with 1006 and `overloaded`. */
  readonly refused: number;
  /** Neither: told later that it came to nothing. */
  readonly failed: number;
  /** By return code and reason. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly refusalP99Ms: number;
  readonly successP99Ms: number;
  /** Log-ins that WeChat was asked about: never one that was refused. */
  readonly wechatCalls: number;
  /** Medians of the rounds. */
  readonly authP99QuietMs: number;
  readonly authP99FloodMs: number;
  /** Resident memory of the front end and of the worker at the end of the flood, over what they had before. */
  readonly rssGrowth: { readonly web: number; readonly worker: number };
}

const loadFile = fileURLToPath(new URL('./load-process.js', import.meta.url));
const concurrency = 5;
const wechatMs = 100;
const capacityPerSecond = (concurrency * 1000) / wechatMs;
const authsPerSecond = 200;
/** One p99 on a machine with other work is anything; quiet and flood take turns, and the medians count. */
const rounds = 5;

/** @param factor how many times what the worker can do is offered */
export async function runOverload({
  factor,
  seconds,
}: {
  readonly factor: number;
  /** Of each round. */
  readonly seconds: number;
}): Promise<OverloadFigures> {
  const closers: (() => Promise<unknown>)[] = [];
  const onClose = (close: () => Promise<unknown>) => void closers.push(close);
  try {
    // What has a process of its own in production has one here: a log-in must not make a check late in this one.
    const wechatUrl = await startWechat(onClose);
    const port = await findFreePort();
    const env = { WECHAT_API_BASE: wechatUrl, WORKER_CONCURRENCY: String(concurrency) };
    const stack = await startStack({ onClose, webs: 1, workers: 0, env });
    const url = `http://127.0.0.1:${port}`;
    const web = startProcess('web', { ...stack.env, PORT: String(port) }, onClose);
    const worker = startProcess('worker', stack.env, onClose);
    await worker.logged('worker takes jobs');
    await untilReady(url);

    const { returnData: session } = await login(url, newUser());
    const order = startLoad<LoadOrder, Offered[]>(loadFile, onClose, ahead);
    const orderBehind = startLoad<LoadOrder, Offered[]>(loadFile, onClose, behindAll);
    const checkSessions = (during: number) =>
      order({ url, session, perSecond: authsPerSecond, seconds: during }, during);
    const logIn = (perSecond: number, during: number) => orderBehind({ url, perSecond, seconds: during }, during);
    // Warm, and with the memory of a process that has worked.
    await logIn(capacityPerSecond / 2, 3);
    await checkSessions(2);
    const rssBefore = [web.pid, worker.pid].map(readRss) as [number, number];
    // How hundreds of clients open their connections at once, and this process warms up, is not what is measured.
    await logIn(capacityPerSecond * factor, 2);
    const askedBefore = await countExchanges(wechatUrl);

    const logins: Offered[] = [];
    const quietP99s: number[] = [];
    const floodP99s: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const quiet = await checkSessions(seconds);
      const [offered, flood] = await Promise.all([logIn(capacityPerSecond * factor, seconds), checkSessions(seconds)]);
      const failedChecks = [...quiet, ...flood].filter(({ returnCode }) => returnCode !== 0);
      if (failedChecks.length > 0) throw new Error(`${failedChecks.length} checks of a valid session failed`);
      logins.push(...offered);
      quietP99s.push(p99Of(quiet));
      floodP99s.push(p99Of(flood));
    }
    const rssAfter = [web.pid, worker.pid].map(readRss) as [number, number];
    const succeeded = logins.filter(({ returnCode }) => returnCode === 0);
    const refused = logins.filter(({ reason }) => reason === 'overloaded');
    return {
      offered: logins.length,
      succeeded: succeeded.length,
      goodputPerSecond: succeeded.filter(({ endedAtMs }) => endedAtMs <= seconds * 1000).length / (seconds * rounds),
      refused: refused.length,
      failed: logins.length - succeeded.length - refused.length,
      outcomes: countOutcomes(logins),
      refusalP99Ms: p99Of(refused),
      successP99Ms: p99Of(succeeded),
      wechatCalls: (await countExchanges(wechatUrl)) - askedBefore,
      authP99QuietMs: spreadOf(quietP99s).median,
      authP99FloodMs: spreadOf(floodP99s).median,
      rssGrowth: { web: rssAfter[0] / rssBefore[0], worker: rssAfter[1] / rssBefore[1] },
    };
  } finally {
    for (const close of closers.toReversed()) await close().catch(() => undefined);
  }
}

/** @returns its address */
async function startWechat(onClose: OnClose): Promise<string> {
  const port = String(await findFreePort());
  const env = { WECHAT_SIMULATOR_PORT: port, LATENCY_MS: String(wechatMs) };
  await startProcess('wechat-simulator', env, onClose).logged('WeChat listens');
  return `http://127.0.0.1:${port}`;
}

async function countExchanges(wechatUrl: string): Promise<number> {
  const response = await fetch(`${wechatUrl}/_sim/stats`);
  const { paths } = (await response.json()) as { paths: Record<string, number> };
  return paths['/sns/jscode2session'] ?? 0;
}

/** Resident memory in kilobytes. */
function readRss(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
