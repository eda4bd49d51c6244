import { QueryTypes, type Sequelize } from 'sequelize';
import { keptDeadMs } from '../../../shared/events/dead-letters.ts';
import { keptMs, streamKeptMs } from '../../../shared/events/event-log.ts';
import { databaseNowMs } from '../../../shared/store/database-clock.ts';

const rowsPerStatement = 2000;

const eventsEnd = `${databaseNowMs} - ${keptMs}`;
const lettersEnd = `${databaseNowMs} - ${keptDeadMs}`;
/** A time beyond is of a clock that was ahead: of MySQL's before it was set right, or of a process of an earlier version. */
const future = `${databaseNowMs} + 60000`;

/** Whether there is something to be moved, kept too long, or to be kept for longer than it may. */
export async function isAnyLeft(sequelize: Sequelize): Promise<boolean> {
  const [row] = await sequelize.query<{ isLeft: number }>(
    `select exists (select 1 from cWaferOutbox)
       or exists (select 1 from cWaferDeadLetter where died_at < ${lettersEnd} or died_at > ${future})
       or exists (select 1 from cWaferEvent where at > ${future})
       or exists (select 1 from cWaferEvent where at < ${eventsEnd} and event <> '')
       or (select count(*) from (select id from cWaferEvent where at < ${eventsEnd} limit 2) old) > 1 as isLeft`,
    { type: QueryTypes.SELECT },
  );
  return row?.isLeft === 1;
}

/** Removes what has been kept long enough. The number of the last event stays: a server that forgets it would give it again. */
export async function removeOldEvents(sequelize: Sequelize): Promise<void> {
  await endFuture(sequelize);
  const [row] = await sequelize.query<{ last: number | string | null }>('select max(id) as last from cWaferEvent', {
    type: QueryTypes.SELECT,
  });
  const remove = async (sql: string, replacements: Record<string, unknown> = {}) => {
    for (;;) {
      const removed = await sequelize.query(`${sql} limit ${rowsPerStatement}`, {
        replacements,
        type: QueryTypes.BULKDELETE,
      });
      if (removed < rowsPerStatement) return;
    }
  };
  const last = row?.last ?? 0;
  await remove(`delete from cWaferEvent where at < ${eventsEnd} and id < :last`, { last });
  await sequelize.query(
    `update cWaferEvent set event = '', open_id = null, session_id = null, details = null
     where id = :last and at < ${eventsEnd} and event <> ''`,
    { replacements: { last }, type: QueryTypes.UPDATE },
  );
  await remove(`delete from cWaferDeadLetter where died_at < ${lettersEnd}`);
}

/** What lies ahead of now would stay for so much longer: from now on it is as old as what is noted now. */
async function endFuture(sequelize: Sequelize): Promise<void> {
  for (const [table, column] of [
    ['cWaferEvent', 'at'],
    ['cWaferDeadLetter', 'died_at'],
  ] as const)
    for (;;) {
      // Found by a read without locks: an update that looks for them would lock where the next ones come to be.
      const found = await sequelize.query<{ id: number | string }>(
        `select id from ${table} where ${column} > ${future} limit ${rowsPerStatement}`,
        { type: QueryTypes.SELECT },
      );
      if (found.length > 0)
        await sequelize.query(`update ${table} set ${column} = ${databaseNowMs} where id in (:ids)`, {
          replacements: { ids: found.map(({ id }) => id) },
          type: QueryTypes.UPDATE,
        });
      if (found.length < rowsPerStatement) break;
    }
  const readers = "where what = 'stream' and wanted_until >";
  await sequelize.query(
    `update cWaferEventDemand set wanted_until = ${databaseNowMs} + ${streamKeptMs} ${readers} ${future} + ${streamKeptMs}`,
    { type: QueryTypes.UPDATE },
  );
}
