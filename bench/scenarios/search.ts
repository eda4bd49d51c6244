import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type Connection } from 'mysql2/promise';
import type { Sequelize } from 'sequelize';
import { searchSessions, type SessionFilters } from '../../shared/administration/search-sessions.ts';
import { parseDatabaseUrl } from '../../shared/config/database-url.ts';
import { nowSeconds } from '../../shared/session/wall-clock.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { defineAppInfo, defineSessionInfo } from '../../shared/store/models.ts';
import {
  addListKeys,
  dropListKeys,
  listKeys,
  loginSeconds,
  manyApps,
  storeManySessions,
  type ListKey,
} from '../data/many-sessions.ts';
import { createWriters, type Writers } from '../measure/session-writes.ts';
import { percentile, spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import type { Table } from '../measure/result.ts';
import type { Scenario } from './scenario.ts';

const total = 10_000_000;
const quickTotal = 200_000;
const limit = 50;
const asksOfEach = 100;
const deepPages = 200;
const allKeys = Object.keys(listKeys) as ListKey[];
const layouts: readonly (readonly ListKey[])[] = [[], ['app_login', 'person'], allKeys];
/** Bytes of InnoDB's memory: less than the table, as on a server that has other things to do. */
const bufferPool = 2 * 1024 * 1024 * 1024;

/** The first page of a search among ten million sessions, what its keys cost log-ins and visits, and how long they take to be made. */
export const search: Scenario = async (bench) => {
  const { stack, progress, quick } = bench;
  const count = quick ? quickTotal : total;
  const admin = await createConnection(stack.adminUrl);
  await admin.query(`set global innodb_buffer_pool_size = ${bufferPool}`);
  await admin.end();
  const connection = await createConnection(stack.databaseUrl);
  const sequelize = openDatabase(parseDatabaseUrl(stack.databaseUrl), { poolSize: 12 });
  try {
    for (const appid of manyApps)
      await connection.query('insert into cAppinfo set appid = ?, secret = ?', [appid, 's']);
    await storeManySessions(connection, count, progress.counter('sessions into MySQL', count));
    const writers = createWriters(sequelize, count);
    progress.step('search: making the keys while others write');
    const made = await makeKeysBesideWrites(connection, writers);
    const sizes = await readSizes(connection, stack);
    progress.step('search: first pages');
    const asked = await askAll(sequelize, count);
    const costs = await measureCosts(bench, connection, writers);
    const slowest = Math.max(...asked.map(({ p99 }) => p99));
    return {
      name: 'search',
      unit: 'p99 of the slowest first page, ms',
      ours: Object.fromEntries(asked.map(({ what, p50, p99 }) => [what, { p50Ms: p50, p99Ms: p99 }])),
      peer: null,
      ratio: spreadOf([slowest]),
      rounds: [{ made, sizes, asked, costs }],
      voided: 0,
      tables: [
        {
          title: `search: a page of ${limit} of ${count.toLocaleString('en')} sessions, ${asksOfEach} different questions of each kind`,
          columns: ['asked for', 'p50 ms', 'p99 ms', 'most ms', 'sessions found, median', 'looked at, median'],
          rows: asked.map((each) => [
            each.what,
            ...[each.p50, each.p99, each.most].map(number),
            Math.round(each.found),
            Math.round(each.looked),
          ]),
        },
        costs,
        {
          title: 'search: the keys',
          columns: ['', ''],
          rows: [
            ['seconds to make all three, others writing', number(made.seconds)],
            ['longest statement of a log-in or visit meanwhile, ms', number(made.longestMs)],
            ['statements that took more than 1,500 ms, and were given up', made.late],
            ['rows written meanwhile', made.rows],
            ...sizes.map(({ name, mebibytes }) => [`${name}, MiB`, Math.round(mebibytes)]),
          ],
        },
      ],
      notes: [],
    };
  } finally {
    await sequelize.close();
    await connection.end();
  }
};

interface Asked {
  readonly what: string;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
  readonly found: number;
  readonly looked: number;
}

async function askAll(sequelize: Sequelize, count: number): Promise<Asked[]> {
  const database = { sequelize, appInfo: defineAppInfo(sequelize), sessionInfo: defineSessionInfo(sequelize) };
  const now = nowSeconds();
  const some = (of: number) => Math.floor(Math.random() * of);
  const ago = () => now - some(loginSeconds);
  const name = (prefix: string, of: number) => `${prefix}${String(some(of)).padStart(23, '0')}`;
  const kinds: readonly [what: string, filters: () => SessionFilters][] = [
    ['nothing: the latest log-ins', () => ({})],
    ['openId', () => ({ openId: name('oMany', count) })],
    ['unionId', () => ({ unionId: name('uMany', count / 2) })],
    ['app with 90 % of all', () => ({ appid: manyApps[0] })],
    ['app with one of 100,000', () => ({ appid: manyApps[3] })],
    ['log-ins until a time', () => ({ loggedInTo: ago() })],
    ['log-ins of an hour, app with 1 %', () => ({ appid: manyApps[2], ...hourFrom('loggedIn', ago()) })],
    ['last visits since a time', () => ({ visitedFrom: ago() })],
    ['last visits of an hour', () => hourFrom('visited', ago())],
    ['last visits until a time, app with 10 %', () => ({ appid: manyApps[1], visitedTo: ago() })],
    ['state live', () => ({ state: 'live', loggedInTo: now - some(20 * 86_400) })],
    ['state expired', () => ({ state: 'expired', loggedInTo: now - some(60 * 86_400) })],
    ['state logged_out: 1 %', () => ({ state: 'logged_out', loggedInTo: now - some(20 * 86_400) })],
    ['state revoked: one of 100,000', () => ({ state: 'revoked', loggedInTo: ago() })],
  ];
  const ask = async (filters: SessionFilters, cursor?: string) => {
    const startedAt = performance.now();
    const page = await searchSessions(database, undefined, filters, { limit, cursor });
    return { ...page, ms: performance.now() - startedAt };
  };
  const asked: Asked[] = [];
  const note = (what: string, pages: readonly Awaited<ReturnType<typeof ask>>[]) => {
    const times = pages.map(({ ms }) => ms);
    asked.push({
      what,
      p50: percentile(times, 50),
      p99: percentile(times, 99),
      most: percentile(times, 100),
      found: percentile(
        pages.map(({ sessions }) => sessions.length),
        50,
      ),
      looked: percentile(
        pages.map(({ looked }) => looked),
        50,
      ),
    });
  };
  await ask({});
  for (const [what, filters] of kinds) {
    const pages = [];
    for (let index = 0; index < asksOfEach; index++) pages.push(await ask(filters()));
    note(what, pages);
  }
  const deep = [];
  let cursor: string | undefined;
  for (let index = 0; index < deepPages; index++) {
    const page = await ask({}, cursor);
    cursor = page.next;
    deep.push(page);
  }
  note(`pages ${deepPages - asksOfEach + 1} to ${deepPages} of nothing`, deep.slice(-asksOfEach));
  return asked;
}

function hourFrom(what: 'loggedIn' | 'visited', from: number): SessionFilters {
  return what === 'loggedIn'
    ? { loggedInFrom: from, loggedInTo: from + 3600 }
    : { visitedFrom: from, visitedTo: from + 3600 };
}

async function makeKeysBesideWrites(connection: Connection, writers: Writers) {
  let isDone = false;
  const written = writers.until(() => isDone);
  await sleep(1000);
  const startedAt = performance.now();
  await addListKeys(connection, allKeys);
  const seconds = (performance.now() - startedAt) / 1000;
  isDone = true;
  return { seconds, ...(await written) };
}

/** Rows a second of log-ins and of visits with each set of keys, in turn. */
async function measureCosts(
  { rounds, roundSeconds, progress }: Parameters<Scenario>[0],
  connection: Connection,
  writers: Writers,
): Promise<Table> {
  const rates = layouts.map(() => ({ logins: [] as number[], visits: [] as number[] }));
  let present: readonly ListKey[] = allKeys;
  for (let round = 0; round < rounds; round++) {
    const order = layouts.map((_, index) => index);
    for (const index of round % 2 === 0 ? order.toReversed() : order) {
      const wanted = layouts[index] ?? [];
      progress.step(`search: writing with ${wanted.length} keys, round ${round + 1}`);
      await dropListKeys(
        connection,
        present.filter((key) => !wanted.includes(key)),
      );
      await addListKeys(
        connection,
        wanted.filter((key) => !present.includes(key)),
      );
      present = wanted;
      await writers.logins(2);
      rates[index]?.logins.push(await writers.logins(roundSeconds));
      await writers.visits(2);
      rates[index]?.visits.push(await writers.visits(roundSeconds));
    }
  }
  const base = rates[0];
  const share = (values: readonly number[], of: readonly number[]) =>
    values.map((value, round) => value / (of[round] ?? 1));
  return {
    title: `search: rows written a second by one connection, in ${rounds} rounds`,
    columns: ['keys', 'log-ins/s', 'of without', 'visits/s', 'of without'],
    rows: layouts.map((keys, index) => {
      const { logins = [], visits = [] } = rates[index] ?? {};
      return [
        keys.length === 0 ? 'none of them' : keys.join(', '),
        Math.round(spreadOf(logins).median),
        number(spreadOf(share(logins, base?.logins ?? [])).median),
        Math.round(spreadOf(visits).median),
        number(spreadOf(share(visits, base?.visits ?? [])).median),
      ];
    }),
  };
}

async function readSizes(
  connection: Connection,
  { adminUrl, databaseUrl }: Parameters<Scenario>[0]['stack'],
): Promise<{ name: string; mebibytes: number }[]> {
  await connection.query('analyze table cSessionInfo');
  const admin = await createConnection(adminUrl);
  const [rows] = await admin.query(
    `select index_name as name, stat_value * @@innodb_page_size / 1048576 as mebibytes from mysql.innodb_index_stats
     where database_name = ? and table_name = 'cSessionInfo' and stat_name = 'size' order by 2 desc`,
    [new URL(databaseUrl).pathname.slice(1)],
  );
  await admin.end();
  return (rows as { name: string; mebibytes: number | string }[]).map(({ name, mebibytes }) => ({
    name,
    mebibytes: Number(mebibytes),
  }));
}
