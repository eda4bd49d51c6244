import type { Session } from '../../shared/session/session.ts';
import { shuffled, createRandom } from '../data/draws.ts';
import { cacheEntryOf, credentialsOf, fillRedis } from '../data/sessions.ts';
import { createAuthSource } from '../data/sources.ts';
import { hashSkey } from '../../shared/session/skey.ts';
import { readResidentBytes } from '../measure/cpu.ts';
import { measureSide } from '../measure/side.ts';
import { spreadOf } from '../measure/statistics.ts';
import { counted, stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

const distinctAuths = 1_000_000;
const quickDistinctAuths = 100_000;
const stepSeconds = 5;

/** What a session takes in both stores, and what a front end takes that has seen very many. */
export const memoryPerSession: Scenario = async (bench) => {
  const { stack, dataset, progress } = bench;
  const name = 'memory.per-session';
  const { redisBytesPerSession, mysqlBytesPerSession } = await dataset.sizes();
  const sessions = await dataset.sessions();
  const wanted = bench.quick ? quickDistinctAuths : distinctAuths;
  // Beyond those in MySQL the sessions are in the cache alone, which is all that a check looks at.
  const entryOf = (index: number) => {
    const { id, skey } = credentialsOf(index);
    const template = sessions[index % sessions.length] as Session;
    return cacheEntryOf(id, { ...template, row: index + 1, skeyHash: hashSkey(skey) });
  };
  await fillRedis(stack.redisUrl, wanted, entryOf, progress.counter(`${name}: sessions into Redis`, wanted));
  const source = createAuthSource(stack.dir, 'distinct', shuffled(wanted, createRandom(3)));

  stack.place('rest');
  const worker = await stack.startWorker();
  const web = await stack.startWeb();
  try {
    const atStart = readResidentBytes(web.pid) ?? Number.NaN;
    const side = {
      urls: [web.url],
      shares: [{ source, share: 1 }],
      processes: counted('front end', web),
      connections: fullLoadConnections,
    };
    let answered = 0;
    while (answered < wanted) {
      progress.step(`${name}: ${answered} of ${wanted} distinct checks`);
      const measured = await measureSide(bench, side, stepSeconds, 'rest');
      if (measured.errors > 0) throw new Error(`${name}: ${measured.errors} checks failed: ${measured.errorSample}`);
      answered += measured.requests;
    }
    const resident = readResidentBytes(web.pid) ?? Number.NaN;
    const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
    return {
      name,
      unit: 'bytes in Redis per session',
      ours: { redisBytesPerSession, mysqlBytesPerSession, residentBytesAtStart: atStart, residentBytes: resident },
      peer: null,
      ratio: spreadOf([redisBytesPerSession]),
      rounds: [],
      voided: 0,
      tables: [],
      notes: [
        `over ${dataset.sessionCount} sessions: ${Math.round(redisBytesPerSession)} bytes in Redis, ${Math.round(mysqlBytesPerSession)} bytes in MySQL with its indexes`,
        `resident memory of web: ${megabytes(atStart)} after the start, ${megabytes(resident)} after ${answered} checks of ${wanted} distinct sessions`,
      ],
    };
  } finally {
    await stopAll([web, worker]);
  }
};
