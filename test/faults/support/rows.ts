import { fromWallClock } from '../../../shared/session/wall-clock.ts';
import { until } from '../../support/until.ts';
import type { Site } from './site.ts';
import type { User } from './users.ts';

const chunkSize = 1000;

interface Row {
  readonly uuid: string;
  readonly skey: string;
  readonly open_id: string;
  readonly last_visit_time: string;
}

/** What is stored against what was answered: one session per user, with the skey that was answered last. */
export async function inspectRows(site: Site, users: readonly User[]): Promise<string[]> {
  const wrong: string[] = [];
  const rows = await readRows(site, users);
  for (const { openId, session } of users) {
    const own = rows.get(openId) ?? [];
    if (own.length > 1) wrong.push(`${own.length} rows for one user`);
    // After a log-in that was not answered with success nobody can say what is stored.
    if (session === undefined) continue;
    const [row] = own;
    if (row === undefined) wrong.push('a session that was answered is not stored');
    else if (row.uuid !== session.id) wrong.push('the stored session has another id than the one answered');
    else if (row.skey !== session.skey) wrong.push('the stored skey is not the one answered last');
  }
  return wrong;
}

/** How many of these users' visits MySQL has not got, once it has had time for them. */
export async function countLostVisits(site: Site, users: readonly User[]): Promise<number> {
  const visitors = users.filter(({ session, visitedAt }) => session !== undefined && visitedAt !== undefined);
  const countMissing = async () => {
    const rows = await readRows(site, visitors);
    return visitors.filter(({ openId, visitedAt }) => {
      const time = rows.get(openId)?.[0]?.last_visit_time;
      return time === undefined || fromWallClock(time) < (visitedAt as number);
    }).length;
  };
  await until('all visits are written', async () => (await countMissing()) === 0, 25_000).catch(() => undefined);
  return countMissing();
}

async function readRows(site: Site, users: readonly User[]): Promise<Map<string, Row[]>> {
  const found = new Map<string, Row[]>();
  for (let start = 0; start < users.length; start += chunkSize) {
    const openIds = users.slice(start, start + chunkSize).map(({ openId }) => openId);
    const rows = await site.mysql.query<Row>(
      `select uuid, skey, open_id, date_format(last_visit_time, '%Y-%m-%d %H:%i:%s') last_visit_time
       from cSessionInfo where open_id in (?)`,
      [openIds],
    );
    for (const row of rows) found.set(row.open_id, [...(found.get(row.open_id) ?? []), row]);
  }
  return found;
}
