import { createHash } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import { Redis } from 'ioredis';
import { parseDatabaseUrl } from '../../shared/config/database-url.ts';
import { encodeSession, type Session } from '../../shared/session/session.ts';
import { cachedSessionPrefix } from '../../shared/session/cache-key.ts';
import { nowSeconds, toWallClock } from '../../shared/session/wall-clock.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { defineSessionInfo } from '../../shared/store/models.ts';
import { readSessions } from '../../shared/store/session-reader.ts';
import { benchAppid } from '../stack/stack.ts';
import { profileOf } from './profile.ts';

/** Credentials of session number `index`, always the same: 32 hex digits each, as in production. */
export function credentialsOf(index: number): { id: string; skey: string } {
  const digest = createHash('sha256').update(`bench session ${index}`).digest('hex');
  return { id: digest.slice(0, 32), skey: digest.slice(32) };
}

const batchSize = 1000;
const entryTtlMs = 86_400_000;

/** Puts sessions into MySQL as log-ins of just now would have left them. */
export async function insertSessions(
  databaseUrl: string,
  count: number,
  onProgress: (done: number) => void,
): Promise<void> {
  const connection = await createConnection(databaseUrl);
  const time = toWallClock(nowSeconds());
  const fence = Date.now() * 1000;
  for (let from = 0; from < count; from += batchSize) {
    const rows = Array.from({ length: Math.min(batchSize, count - from) }, (_, offset) => {
      const { id, skey } = credentialsOf(from + offset);
      const openId = `oBench${String(from + offset).padStart(7, '0')}`.padEnd(28, 'x');
      const userKey = createHash('sha256').update(`${benchAppid}\0${openId}`).digest();
      const sessionKey = createHash('md5').update(id).digest('base64');
      const userInfo = Buffer.from(profileOf(from + offset, benchAppid)).toString('base64');
      return [id, skey, time, time, openId, sessionKey, userInfo, benchAppid, userKey, 0, fence];
    });
    await connection.query(
      `insert into cSessionInfo (uuid, skey, create_time, last_visit_time, open_id, session_key, user_info, appid,
        user_key, slot, fence) values ?`,
      [rows],
    );
    onProgress(Math.min(from + batchSize, count));
  }
  await connection.end();
}

/** Reads the sessions as a front end does after a miss, in the order of their numbers. */
export async function readAllSessions(
  databaseUrl: string,
  count: number,
  onProgress: (done: number) => void,
): Promise<Session[]> {
  const sequelize = openDatabase(parseDatabaseUrl(databaseUrl), { poolSize: 1 });
  const sessionInfo = defineSessionInfo(sequelize);
  const sessions: Session[] = [];
  for (let from = 0; from < count; from += batchSize) {
    const ids = Array.from(
      { length: Math.min(batchSize, count - from) },
      (_, offset) => credentialsOf(from + offset).id,
    );
    const found = await readSessions(sessionInfo, ids);
    for (const id of ids) {
      const session = found.get(id);
      if (session === undefined) throw new Error(`session ${id} is not in the database`);
      sessions.push(session);
    }
    onProgress(from + ids.length);
  }
  await sequelize.close();
  return sessions;
}

/** Writes values into Redis, many at a time, each for a day. */
export async function fillRedis(
  redisUrl: string,
  count: number,
  entryOf: (index: number) => readonly [key: string, value: string],
  onProgress: (done: number) => void,
): Promise<void> {
  const redis = new Redis(redisUrl);
  for (let from = 0; from < count; from += batchSize) {
    const pipeline = redis.pipeline();
    for (let index = from; index < Math.min(from + batchSize, count); index++)
      pipeline.set(...entryOf(index), 'PX', entryTtlMs);
    await pipeline.exec();
    onProgress(Math.min(from + batchSize, count));
  }
  await redis.quit();
}

/** A session's entry as our own cache writes it. */
export function cacheEntryOf(id: string, session: Session): [key: string, value: string] {
  return [cachedSessionPrefix + id, encodeSession(session, id.slice(0, 12), Math.floor(Date.now() / 1000))];
}
