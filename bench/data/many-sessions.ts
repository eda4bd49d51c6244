import type { Connection } from 'mysql2/promise';

/** Keys of cSessionInfo that lists of sessions are read from, and those that were there before. */
export const listKeys = {
  app_login: '(appid, create_time)',
  app_visit: '(appid, last_visit_time)',
  person: '(union_id)',
} as const;
const olderKeys = {
  auth: '(uuid, skey)',
  weixin: '(open_id, session_key)',
} as const;

export type ListKey = keyof typeof listKeys;

/** Their shares of the sessions, in thousandths; the last has one session of a hundred thousand. */
export const manyApps = [
  'wxmany000000000001',
  'wxmany000000000002',
  'wxmany000000000003',
  'wxmany000000000004',
] as const;

/** From the oldest log-in to the newest. */
export const loginSeconds = 60 * 86_400;
/** MySQL takes keys in portions of 1, 2, 4, … for such a statement: this many leave no gap. */
const rowsPerStatement = 131_071;

/**
 * Sessions as log-ins of sixty days have left them, in no order of time: a user's row keeps its place when the user logs in again. One of a
 * hundred has logged out, one of a hundred thousand was revoked. Their keys are made when all rows are there.
 */
export async function storeManySessions(
  connection: Connection,
  count: number,
  onProgress: (done: number) => void,
): Promise<void> {
  const keys = [...Object.keys(listKeys), ...Object.keys(olderKeys), 'session_slot'];
  await connection.query(`alter table cSessionInfo ${keys.map((key) => `drop key ${key}`).join(', ')}`);
  for (let from = 0; from < count; from += rowsPerStatement) {
    const rows = Math.min(rowsPerStatement, count - from);
    const n = `(seq + ${from})`;
    const age = `(${n} * 7919) mod ${loginSeconds}`;
    const isRare = `${n} mod 100000 = 77`;
    const isOver = `(${n} mod 100 = 0 or ${isRare})`;
    await connection.query(
      `insert into cSessionInfo (uuid, skey, create_time, last_visit_time, open_id, session_key, user_info, appid, user_key, slot, union_id, fence, ended_skeys)
       select md5(concat('id', ${n})), if(${isOver}, sha2(${n}, 256), md5(concat('skey', ${n}))),
         @now - interval ${age} second, @now - interval floor((${age}) * ((${n} * 104729) mod 1000) / 1000) second,
         concat('oMany', lpad(${n}, 23, '0')), to_base64(left(md5(${n}), 16)), repeat('eyJv', 100),
         case when ${n} mod 100000 = 5 then '${manyApps[3]}' when ${n} mod 1000 < 9 then '${manyApps[2]}'
           when ${n} mod 1000 < 100 then '${manyApps[1]}' else '${manyApps[0]}' end,
         unhex(sha2(concat('user', ${n}), 256)), 0, concat('uMany', lpad(${n} div 2, 23, '0')), 0,
         if(${isOver}, concat(unhex(hex(unix_timestamp())), char(if(${isRare}, 1, 2)), unhex(left(md5(${n}), 32))), null)
       from seq_1_to_${rows} join (select @now := utc_timestamp() + interval 8 hour) t`,
    );
    onProgress(from + rows);
  }
  const adds = Object.entries(olderKeys).map(([name, columns]) => `add key ${name} ${columns}`);
  await connection.query(
    `alter table cSessionInfo ${[...adds, 'add unique key session_slot (user_key, slot)'].join(', ')}`,
  );
}

export async function addListKeys(connection: Connection, keys: readonly ListKey[]): Promise<void> {
  if (keys.length === 0) return;
  await connection.query(`alter table cSessionInfo ${keys.map((key) => `add key ${key} ${listKeys[key]}`).join(', ')}`);
}

export async function dropListKeys(connection: Connection, keys: readonly ListKey[]): Promise<void> {
  if (keys.length === 0) return;
  await connection.query(`alter table cSessionInfo ${keys.map((key) => `drop key ${key}`).join(', ')}`);
}
