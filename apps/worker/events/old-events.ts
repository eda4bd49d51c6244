import { QueryTypes, type Sequelize } from 'sequelize';
import { keptDeadMs } from '../../../shared/events/dead-letters.ts';
import { keptMs } from '../../../shared/events/event-log.ts';

const rowsPerDelete = 2000;

/** Whether there is something to be moved, or kept too long. */
export async function isAnyLeft(sequelize: Sequelize): Promise<boolean> {
  const [row] = await sequelize.query<{ isLeft: number }>(
    `select exists (select 1 from cWaferOutbox) or exists (select 1 from cWaferDeadLetter where died_at < :died)
       or exists (select 1 from cWaferEvent where at < :kept and event <> '')
       or (select count(*) from (select id from cWaferEvent where at < :kept limit 2) old) > 1 as isLeft`,
    { replacements: { died: Date.now() - keptDeadMs, kept: Date.now() - keptMs }, type: QueryTypes.SELECT },
  );
  return row?.isLeft === 1;
}

/** Removes what has been kept long enough. The number of the last event stays: a server that forgets it would give it again. */
export async function removeOldEvents(sequelize: Sequelize): Promise<void> {
  const now = Date.now();
  const [row] = await sequelize.query<{ last: number | string | null }>('select max(id) as last from cWaferEvent', {
    type: QueryTypes.SELECT,
  });
  const remove = async (sql: string, replacements: Record<string, unknown>) => {
    for (;;) {
      const removed = await sequelize.query(`${sql} limit ${rowsPerDelete}`, {
        replacements,
        type: QueryTypes.BULKDELETE,
      });
      if (removed < rowsPerDelete) return;
    }
  };
  const old = { before: now - keptMs, last: row?.last ?? 0 };
  await remove('delete from cWaferEvent where at < :before and id < :last', old);
  await sequelize.query(
    `update cWaferEvent set event = '', open_id = null, session_id = null, details = null
     where id = :last and at < :before and event <> ''`,
    { replacements: old, type: QueryTypes.UPDATE },
  );
  await remove('delete from cWaferDeadLetter where died_at < :before', { before: now - keptDeadMs });
}
