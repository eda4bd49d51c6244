import test from 'ava';
import { startVisitDrain } from '../../../apps/worker/visit-drain.ts';
import { createWorkerMetrics } from '../../../apps/worker/metrics.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { createLog } from '../../../shared/log/log.ts';
import { connectRedis, whenReady } from '../../../shared/redis/connect.ts';
import { createVisitLog, encodeVisits, visitShards } from '../../../shared/session/visit-log.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { insertSessions } from '../../../apps/worker/store/session-inserts.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { createTestDatabase } from '../../support/database.ts';
import { loginWriteOf } from '../../support/login-write.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const redis = await startTestRedis({ onClose });
const client = connectRedis(parseRedisUrl(redis.url), 'commands');
onClose(async () => client.disconnect());
await whenReady(client, AbortSignal.timeout(5000));
const database = await createTestDatabase({ onClose });
await migrate({ databaseUrl: database.url });
const sequelize = openDatabase(parseDatabaseUrl(database.url), { poolSize: 5 });
onClose(() => sequelize.close());
const created = 1_700_000_000;
const visited = created + 3600;

async function addSessions(count: number): Promise<number[]> {
  const sessions = Array.from({ length: count }, (_, index) => ({
    id: `id-${index}`,
    erasedUser: 'x',
    write: loginWriteOf(`user-${index}`, { time: created }),
  }));
  const rows: number[] = [];
  for (const row of await insertSessions(sequelize, sessions)) rows.push((await row) as number);
  return rows;
}

test('two workers write every visit once, hundreds in a statement', async (t) => {
  const rows = await addSessions(1800);
  const visits = createVisitLog(client);
  const statements = await database.countStatements(async () => {
    await visits.add(encodeVisits(rows.map((row) => ({ row, time: visited, base: created }))));
    // As if they had waited for their time.
    for (let shard = 0; shard < visitShards; shard++) {
      const due = `wafer:{visits:${shard}}:due`;
      const waiting = await client.zrange(due, 0, '-1');
      for (const row of waiting) await client.zadd(due, 'XX', 0, row);
    }
    const deps = { visits, sequelize, log: createLog('test', 'silent'), metrics: createWorkerMetrics() };
    const writers = [startVisitDrain(deps), startVisitDrain(deps)];
    await until('all visits are written', async () => (await visits.size()) === 0);
    for (const writer of writers) await writer.close();
  });
  // 450 in each shard: two full statements and the rest.
  t.is(statements.filter(({ kind }) => kind === 'update').length, 3 * visitShards);
  const [found] = await database.query<{ moved: number }>(
    'select count(*) as moved from cSessionInfo where last_visit_time = create_time + interval 1 hour',
  );
  t.is(Number(found?.moved), rows.length);
});
