import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type Connection } from '../load/connection.ts';
import { startTestRedisCluster } from '../../test/support/redis-cluster.ts';
import type { Bench } from '../bench.ts';
import { SkippedError } from '../measure/result.ts';
import { spreadOf, type Spread } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import type { Program } from '../stack/programs.ts';
import { stopAll } from './login.ts';
import type { Scenario } from './scenario.ts';

const frontEnds = 4;
const loopsPerFrontEnd = 2;
/** Between two checks of one loop: together a few hundred checks a second and front end. */
const pauseMs = 4;
const settleMs = 500;
/** How long accepts are looked for after a log-out. */
const watchMs = 1500;
const unknownInterface = '"returnCode":1010,';
const accepted = '"returnMessage":"AUTH_SUCCESS"';

interface Round {
  readonly redis: string;
  /** From the call until the last accept came in. */
  readonly lastAcceptMs: number;
  /** From the call until it was answered. */
  readonly answerMs: number;
  /** Accepts of checks that were sent when the log-out had been answered already. */
  readonly acceptsAfterAnswer: number;
}

/** How long a session that ends at one front end is still accepted by any. */
export const revoke: Scenario = async (bench) => {
  const rounds = await measureOn(bench, 'one Redis', {});
  const cluster = await startTestRedisCluster();
  try {
    rounds.push(...(await measureOn(bench, 'cluster of 3 masters', { REDIS_URL: cluster.url })));
  } finally {
    await cluster.close();
  }
  const kinds = [...new Set(rounds.map(({ redis }) => redis))];
  const spread = (kind: string, pick: (round: Round) => number): Spread =>
    spreadOf(rounds.filter(({ redis }) => redis === kind).map(pick));
  const worst = kinds
    .map((kind) => spread(kind, ({ lastAcceptMs }) => lastAcceptMs))
    .reduce((left, right) => (right.median > left.median ? right : left));
  return {
    name: 'revoke',
    unit: 'ms from the log-out to the last accept, the slower of both',
    ours: { lastAcceptMs: worst.median },
    peer: null,
    ratio: worst,
    rounds,
    voided: 0,
    tables: [
      {
        title: `revoke: ${frontEnds} front ends, from the log-out to the last accept`,
        columns: ['Redis', 'times', 'median ms', 'min', 'max', 'answer of the log-out, median ms', 'accepted after it'],
        rows: kinds.map((kind) => {
          const times = spread(kind, ({ lastAcceptMs }) => lastAcceptMs);
          const ofKind = rounds.filter(({ redis }) => redis === kind);
          return [
            kind,
            ofKind.length,
            number(times.median),
            number(times.min),
            number(times.max),
            number(spread(kind, ({ answerMs }) => answerMs).median),
            ofKind.reduce((sum, { acceptsAfterAnswer }) => sum + acceptsAfterAnswer, 0),
          ];
        }),
      },
    ],
    notes: [],
  };
};

async function measureOn(bench: Bench, redis: string, env: Record<string, string>): Promise<Round[]> {
  const { stack, progress } = bench;
  stack.place('any');
  const times = bench.quick ? 4 : 20;
  const options = { cores: 'any', env } as const;
  const worker = await stack.startWorker(options);
  const webs: Program[] = [];
  try {
    for (let index = 0; index < frontEnds; index++) webs.push(await stack.startWeb(options));
    const urls = webs.map(({ url }) => new URL(url));
    const rounds: Round[] = [];
    for (let round = 0; round < times; round++) {
      progress.step(`revoke: ${redis}, ${round + 1} of ${times}`);
      const code = `revoke${bench.numbers.next()}`;
      bench.numbers.use(1);
      rounds.push({ redis, ...(await measureOnce(urls, urls[round % frontEnds] as URL, code)) });
    }
    return rounds;
  } finally {
    await stopAll([...webs, worker]);
  }
}

async function measureOnce(urls: readonly URL[], logoutUrl: URL, code: string): Promise<Omit<Round, 'redis'>> {
  const login = await call(logoutUrl, 'qcloud.cam.id_skey', { code });
  const session = /"id":"(\w+)","skey":"(\w+)"/.exec(login);
  if (session === null) throw new Error(`revoke: the log-in failed: ${login.slice(-300)}`);
  const [, id = '', skey = ''] = session;

  const accepts: { sentAt: number; receivedAt: number }[] = [];
  let isOver = false;
  let refused: string | undefined;
  const load = urls.flatMap((url) =>
    Array.from({ length: loopsPerFrontEnd }, async () => {
      const connection = createConnection(url);
      while (!isOver) {
        const sentAt = performance.now();
        const answer = await ask(connection, url, 'qcloud.cam.auth', { id, skey });
        if (answer.includes(accepted)) accepts.push({ sentAt, receivedAt: performance.now() });
        else refused ??= answer;
        await sleep(pauseMs);
      }
      connection.close();
    }),
  );
  await sleep(settleMs);
  const refusedEarly = refused;
  const calledAt = performance.now();
  const logout = await call(logoutUrl, 'qcloud.cam.logout', { id, skey });
  const answeredAt = performance.now();
  await sleep(watchMs);
  isOver = true;
  await Promise.all(load);
  if (logout.includes(unknownInterface)) throw new SkippedError('this build does not know qcloud.cam.logout (1010)');
  if (!logout.includes('"returnCode":0,')) throw new Error(`revoke: the log-out failed: ${logout.slice(-300)}`);
  if (refusedEarly !== undefined) throw new Error(`revoke: refused before the log-out: ${refusedEarly.slice(-300)}`);
  return {
    lastAcceptMs: Math.max(0, ...accepts.map(({ receivedAt }) => receivedAt - calledAt)),
    answerMs: answeredAt - calledAt,
    acceptsAfterAnswer: accepts.filter(({ sentAt }) => sentAt > answeredAt).length,
  };
}

async function call(url: URL, interfaceName: string, para: object): Promise<string> {
  const connection = createConnection(url);
  try {
    return await ask(connection, url, interfaceName, para);
  } finally {
    connection.close();
  }
}

function ask(connection: Connection, url: URL, interfaceName: string, para: object): Promise<string> {
  const body = JSON.stringify({ version: 1, componentName: 'MA', interface: { interfaceName, para } });
  const head = `POST /mina_auth/ HTTP/1.1\r\nHost: ${url.host}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    connection.send(head + body, (answer) =>
      answer === undefined ? reject(new Error(`${url.host} closed the connection`)) : resolve(answer),
    );
  });
}
