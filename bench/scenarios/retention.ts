import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { Redis } from 'ioredis';
import { openRetentionQueue, readLastRun, runOptions } from '../../shared/retention/queue.ts';
import { findPeak, pace, warmUp } from '../measure/rates.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import type { Program } from '../stack/programs.ts';
import { benchAppid, type Stack } from '../stack/stack.ts';
import { stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

const workerCount = 4;
const kills = 10;
const total = 2_000_000;
const ended = 1_000_000;
/** Far from the peak, where a p99 is waiting for others. */
const shareOfPeak = 0.5;
const rowsPerStatement = 20_000;

interface Round {
  /** p99 of auth in milliseconds. */
  readonly withRun: number;
  readonly without: number;
  readonly rowsPerMinute: number;
  /** Workers that removed rows meanwhile. */
  readonly running: number;
}

/** What a run of the retention does to the checks beside it; its worker is killed at the end of each round. */
export const retention: Scenario = async (bench) => {
  const { stack, progress } = bench;
  const size = bench.quick ? 200_000 : total;
  const endedCount = (ended / total) * size;
  await fill(stack, size - bench.dataset.sessionCount, endedCount, progress.counter('rows into MySQL', size));
  const auth = { source: await bench.dataset.zipf(), share: 1 };
  stack.place('rest');
  const start = () => stack.startWorker({ cores: 'rest', env: { SESSION_RETENTION_DAYS: '30' } });
  const redis = new Redis(stack.redisUrl);
  const queue = await openRetentionQueue(redis);
  const workers: Program[] = [];
  const webs: Program[] = [];
  try {
    await queue.pause();
    for (let index = 0; index < workerCount; index++) workers.push(await start());
    const web = await stack.startWeb({ cores: 'first' });
    webs.push(web);
    const target = { urls: [web.url], cores: 'rest', turn: 'first', shares: [auth] } as const;
    await warmUp(bench, 'retention', target, { connections: fullLoadConnections, times: 1 });
    const rate = shareOfPeak * (await findPeak(bench, 'retention', target, fullLoadConnections, 0));
    await queue.add('run', {}, { ...runOptions, jobId: 'asked' });
    // Rows that nobody removes may come first.
    await queue.resume();
    await untilIt(async () => (await readRemoved(workers)).some((rows) => rows > 0));
    const rounds: Round[] = [];
    let killed = 0;
    for (let round = 1; round <= (bench.quick ? 2 : kills); round++) {
      const what = `retention: round ${round}`;
      const measure = async () => (await pace(bench, what, target, rate, 0)).sources[0]?.p99Ms ?? Number.NaN;
      // In turn: a machine with neighbours may be slower in one half of a round.
      const before = round % 2 === 0 ? await measure() : undefined;
      const earlier = await readRemoved(workers);
      const startedAt = performance.now();
      await queue.resume();
      const isOver = async () => (await readLastRun(redis)) !== undefined;
      await untilIt(async () => (await queue.getActiveCount()) === 1 || (await isOver()));
      if (await isOver()) break;
      const withRun = await measure();
      const grown = (await readRemoved(workers)).map((rows, index) => rows - (earlier[index] ?? 0));
      const minutes = (performance.now() - startedAt) / 60_000;
      await queue.pause();
      const running = grown.findIndex((rows) => rows > 0);
      const doomed = workers[running];
      if (doomed !== undefined) {
        process.kill(doomed.pid, 'SIGKILL');
        killed++;
        await doomed.stop();
        workers[running] = await start();
      }
      // Its run waits for another worker, and none takes it.
      await untilIt(async () => (await queue.getActiveCount()) === 0);
      rounds.push({
        withRun,
        without: before ?? (await measure()),
        rowsPerMinute: grown.reduce((sum, rows) => sum + rows, 0) / minutes,
        running: grown.filter((rows) => rows > 0).length,
      });
    }
    await queue.resume();
    progress.step('retention: to its end');
    await untilIt(async () => (await readLastRun(redis)) !== undefined);
    const left = await countRows(stack);
    const ratio = spreadOf(rounds.map(({ withRun, without }) => withRun / without));
    const figures = (pick: (round: Round) => number) => spreadOf(rounds.map(pick));
    const rowsPerMinute = figures((round) => round.rowsPerMinute);
    return {
      name: 'retention',
      unit: 'p99 of auth, with a run ÷ without',
      ours: { p99Ms: figures(({ withRun }) => withRun).median, rowsPerMinute: rowsPerMinute.median },
      peer: { p99Ms: figures(({ without }) => without).median },
      ratio,
      rounds,
      voided: 0,
      tables: [
        {
          title: `retention: ${endedCount} of ${size} rows, ${workerCount} workers, ${killed} killed; auth at ${Math.round(rate)}/s`,
          columns: ['', 'median', 'least', 'greatest'],
          rows: [
            ...(
              [
                ['p99 of auth with a run, ms', figures(({ withRun }) => withRun)],
                ['p99 of auth without, ms', figures(({ without }) => without)],
                ['ratio', ratio],
                ['workers that removed rows at once', figures(({ running }) => running)],
              ] as const
            ).map(([what, { median, min, max }]) => [what, ...[median, min, max].map(number)]),
            ['rows a minute', ...[rowsPerMinute.median, rowsPerMinute.min, rowsPerMinute.max].map(Math.round)],
            ['rows left that had ended', left.ended, '', ''],
            ['rows left that had not', left.live, `of ${size - endedCount}`, ''],
          ],
        },
      ],
      notes: [],
    };
  } finally {
    redis.disconnect();
    await stopAll([...webs, ...workers]);
  }
};

/** Rows as log-ins left them, those that ended long ago among the others. */
async function fill(stack: Stack, count: number, endedCount: number, onProgress: (done: number) => void) {
  const connection = await createConnection(stack.databaseUrl);
  for (let from = 0; from < count; from += rowsPerStatement) {
    const rows = Math.min(rowsPerStatement, count - from);
    // Evenly over the whole table.
    const isEnded = `floor((seq + ${from}) * ${endedCount} / ${count}) > floor((seq + ${from} - 1) * ${endedCount} / ${count})`;
    const time = `if(${isEnded}, now() - interval 400 day, utc_timestamp() + interval 8 hour)`;
    await connection.query(
      `insert into cSessionInfo (uuid, skey, create_time, last_visit_time, open_id, session_key, user_info, appid, user_key, slot)
       select md5(concat('id', seq + ${from})), md5(concat('skey', seq + ${from})), ${time}, ${time},
         concat('oRetain', lpad(seq + ${from}, 21, '0')), to_base64(left(md5(seq), 16)), repeat('eyJv', 150), ?,
         unhex(sha2(concat('user', seq + ${from}), 256)), 0 from seq_1_to_${rows}`,
      [benchAppid],
    );
    onProgress(from + rows);
  }
  await connection.end();
}

async function countRows(stack: Stack): Promise<{ ended: number; live: number }> {
  const connection = await createConnection(stack.databaseUrl);
  const [rows] = await connection.query(
    `select count(*) as live, coalesce(sum(create_time < now() - interval 100 day), 0) as old from cSessionInfo`,
  );
  await connection.end();
  const [{ live, old }] = rows as [{ live: number; old: number | string }];
  return { ended: Number(old), live: live - Number(old) };
}

/** How many rows each worker has removed. */
function readRemoved(workers: readonly Program[]): Promise<number[]> {
  return Promise.all(
    workers.map(async ({ url }) => {
      // Rendered once a second.
      await sleep(1100);
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^wafer_retention_removed_total\{rows="sessions"\} (\d+)/m.exec(text)?.[1] ?? 0);
    }),
  );
}

async function untilIt(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(50);
}
