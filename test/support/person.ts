import type { Redis } from 'ioredis';
import { createUserData, openIdOf, sessionKeyOf, unionIdOf } from '../../apps/wechat-simulator/users.ts';
import { createSeal, type Seal } from '../../shared/rpc/seal.ts';
import { hashSkey } from '../../shared/session/skey.ts';
import { auth, call, login, newUser } from './client.ts';
import { readAllColumns } from './database-dump.ts';
import type { TestDatabase } from './database.ts';
import { readAllOfRedis } from './redis-dump.ts';
import { testAppid } from './stack.ts';
import { until } from './until.ts';

interface PersonSession {
  readonly id: string;
  readonly skey: string;
}

/** A user who has used everything that keeps something, and the texts by which that can be found. */
export interface Person {
  readonly openId: string;
  readonly unionId: string;
  /** The last one first: with several sessions a user, all are valid. */
  readonly sessions: readonly [PersonSession, ...PersonSession[]];
  /** By kind, in every spelling. */
  readonly marks: ReadonlyMap<string, readonly string[]>;
}

/** @param urls of front ends, each of which is asked */
export async function createPerson(urls: readonly [string, ...string[]], database: TestDatabase): Promise<Person> {
  // Right after its heap was written down a busy worker may answer too late: then it is another person.
  const { name, sessions } = await until('a person has logged in', () => logInEverywhere([...urls, urls[0]]));
  const openId = openIdOf(testAppid, name);
  const unionId = unionIdOf(name);
  const sessionKey = sessionKeyOf(testAppid, openId, 0);
  const [session] = sessions as [PersonSession, ...PersonSession[]];
  for (const url of urls) for (const each of sessions) await auth(url, each);
  const [url] = urls;
  await fetch(`${url}/forward-auth`, { headers: { 'x-wx-id': session.id, 'x-wx-skey': session.skey } });
  const { encrypt_data, iv, rawData, signature } = createUserData(testAppid, `${name}~u`);
  await call(url, 'qcloud.cam.phone', { ...session, code: `${name}~phone` });
  await call(url, 'qcloud.cam.userinfo', { ...session, encrypt_data, iv, rawData, signature });
  await call(url, 'qcloud.cam.decrypt', { ...session, encrypt_data, iv });
  await call(url, 'qcloud.cam.checksession', session);
  // So many that a worker remembers who it was.
  for (let tries = 0; tries < 31; tries++)
    await call(url, 'qcloud.cam.decrypt', { ...session, encrypt_data: 'AAAAAAAAAAAAAAAAAAAAAA==', iv });
  const [row] = await database.query<{ id: number; user_info: string }>(
    'select id, user_info from cSessionInfo where uuid = ?',
    [session.id],
  );
  await database.query(
    `insert into cWaferDropped (row_id, uuid, open_id, last_visit_time, kept_id, reason)
     values (?, ?, ?, '2026-01-01', ?, 'duplicate')`,
    [1_000_000 + (row?.id ?? 0), `dropped-${openId}`, openId, row?.id],
  );
  const marks = new Map([
    ['openid', [openId]],
    ['unionid', [unionId]],
    ['skey', sessions.flatMap(({ skey }) => [skey, hashSkey(skey)])],
    ['session_key', [sessionKey, sessionKey.replace(/=+$/, '')]],
    ['profile', [row?.user_info ?? '', `${name}🐼`, `${name}\\ud83d`, `${name}\\\\ud83d`]],
  ]);
  return { openId, unionId, sessions: sessions as [PersonSession, ...PersonSession[]], marks };
}

/** @returns nothing, if a log-in failed because the server was busy */
async function logInEverywhere(urls: readonly string[]) {
  const name = `unionid-${newUser()}`;
  const sessions: PersonSession[] = [];
  for (const [index, url] of urls.entries()) {
    const { returnCode, returnData } = await login(url, `${name}~${index}`);
    if (returnCode === 1006) return undefined;
    if (returnCode !== 0) throw new Error(`log-in ${index} failed: ${returnCode}`);
    sessions.unshift(returnData as PersonSession);
  }
  return { name, sessions };
}

/** The kinds of marks of a person that a text has. */
export function findMarks(text: string, { marks }: Person): string[] {
  const lower = text.toLowerCase();
  return [...marks].flatMap(([kind, spellings]) =>
    spellings.some((spelling) => lower.includes(spelling.toLowerCase())) ? [kind] : [],
  );
}

/** What MySQL and Redis have of a person, what is sealed too. */
export async function searchStores(person: Person, database: TestDatabase, redis: Redis) {
  const seal = await readSeal(database);
  return {
    mysql: findMarks(await readAllColumns(database), person),
    redis: findMarks([...(await readAllOfRedis(redis, seal)).values()].join('\n'), person),
  };
}

/** Everything in MySQL and in the ledgers and the cache of Redis that is a person's, to be compared. */
export async function readOwn(person: Person, database: TestDatabase, redis: Redis): Promise<string[]> {
  const rows = await database.query(
    'select *, null as last_visit_time from cSessionInfo where open_id = ? order by id',
    [person.openId],
  );
  const dropped = await database.query('select * from cWaferDropped where open_id = ?', [person.openId]);
  const dump = [...(await readAllOfRedis(redis, await readSeal(database)))];
  const kept = dump.filter(
    ([key, text]) => /wafer:s:|:code:|wafer:phone:/.test(key) && findMarks(text, person).length > 0,
  );
  return [...rows, ...dropped].map((row) => JSON.stringify(row)).concat(kept.map(([, text]) => text));
}

export async function readSeal(database: TestDatabase): Promise<Seal> {
  const [row] = await database.query<{ value: Buffer }>("select value from cWaferKey where name = 'rpc'");
  return createSeal((row as { value: Buffer }).value);
}
