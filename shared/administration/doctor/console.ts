import { BaseError, QueryTypes } from 'sequelize';
import type { Config } from '../../config/config.ts';
import { aliveMs, listLastHeard } from '../../redis/presence.ts';
import { openDatabase } from '../../store/database.ts';
import { patienceMs } from '../patience.ts';
import type { OpenRedis } from '../stores.ts';
import { plural } from '../words.ts';
import { ok, warning, type Finding } from './finding.ts';
import { describeSilent } from './silent-process.ts';

const check = 'processes.console';

/** Whether a console is alive, where one should run: where operators are there to use it, or one has ended without a farewell. */
export async function checkConsole(
  { commands, clock }: OpenRedis,
  database: Config['database'] | undefined,
): Promise<Finding[]> {
  const heard = await listLastHeard(commands, clock, 'console');
  const alive = heard.filter(({ silentMs }) => silentMs < aliveMs).length;
  if (alive > 0) return [ok(check, `${plural(alive, 'console')} alive`)];
  const [latest] = heard.toSorted((one, other) => one.silentMs - other.silentMs);
  if (latest !== undefined) return [describeSilent(latest, false)];
  const operators = database === undefined ? 0 : await countOperators(database.primary);
  if (operators === 0) return [];
  return [
    warning(
      check,
      `no console is alive, and ${plural(operators, 'operator')} may use it`,
      'npm run console, or: npx pm2 start ecosystem.config.js. If nobody is to use it: npx wafer operator remove <name>',
      'no_console',
    ),
  ];
}

async function countOperators(primary: Config['database']['primary']): Promise<number> {
  const sequelize = openDatabase(primary, { poolSize: 1, connectTimeoutMs: patienceMs });
  try {
    const [row] = await sequelize.query<{ count: number }>(
      'select count(*) as count from cWaferOperator where is_disabled = 0',
      { type: QueryTypes.SELECT },
    );
    return row?.count ?? 0;
  } catch (error) {
    // The checks of the database and of its schema say what is wrong.
    if (error instanceof BaseError) return 0;
    throw error;
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}
