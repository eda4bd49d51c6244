import { BaseError, QueryTypes, type Sequelize } from 'sequelize';
import type { DatabaseAddress } from '../../config/database-url.ts';
import { openDatabase } from '../../store/database.ts';
import { judgeClock, thisMachine } from './clocks.ts';
import { describeFailure, isIncomplete } from './database-fault.ts';
import { checkConnections } from './database-load.ts';
import { describeTlsFault } from './database-tls.ts';
import { checkWriting } from './database-writing.ts';
import { ok, type Finding } from './finding.ts';
import { checkSchema } from './schema.ts';
import { checkSessionDates } from './session-dates.ts';
import { patienceMs } from '../patience.ts';

/** Reachability, connections, schema, time zone and clock of the database. */
export async function checkDatabase(address: DatabaseAddress): Promise<Finding[]> {
  const place = `${address.host}:${address.port}/${address.database}`;
  const sequelize = openDatabase(address, { poolSize: 2, connectTimeoutMs: patienceMs });
  try {
    const drift = await checkClock(sequelize);
    const [connections, ofSchema] = await Promise.all([checkConnections(sequelize), checkSchema(sequelize, address)]);
    const [writing, dates] = await Promise.all([checkWriting(sequelize, address), findDates(sequelize)]);
    return [
      ok('database.reachable', `${place} answers`),
      connections,
      drift,
      ...ofSchema,
      writing,
      ...(dates === undefined ? [] : [dates]),
    ];
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    return [(await describeTlsFault(error, address)) ?? describeFailure(error, address)];
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}

/** @returns undefined where there is no such table or column, which the check of the schema explains */
async function findDates(sequelize: Sequelize): Promise<Finding | undefined> {
  try {
    return await checkSessionDates(sequelize);
  } catch (error) {
    if (isIncomplete(error)) return undefined;
    throw error;
  }
}

async function checkClock(sequelize: Sequelize): Promise<Finding> {
  const sentAtMs = Date.now();
  const [row] = await sequelize.query<{ now: string }>('select cast(utc_timestamp(3) as char) as now', {
    type: QueryTypes.SELECT,
  });
  const ourMs = (sentAtMs + Date.now()) / 2;
  const seconds = (Date.parse(`${row?.now.replace(' ', 'T')}Z`) - ourMs) / 1000;
  return judgeClock('database.clock', {
    whose: 'the database',
    seconds,
    reference: thisMachine,
    cause: 'clock_database',
  });
}
