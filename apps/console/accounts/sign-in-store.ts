import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { databaseNowMs } from '../../../shared/store/database-clock.ts';

// Which sign-ins go on. MySQL says so, and not Redis alone: one that was killed, or a replica that takes over, lacks the last changes and would
// bring back what was ended. Ids are 64 hexadecimal digits.

/** Beyond it the oldest one ends. */
const maxSignIns = 20;
const idBytes = 32;

export async function addSignIn(sequelize: Sequelize, operatorId: number, id: string): Promise<void> {
  await sequelize.query(
    `update cWaferOperator set sign_in_ids = concat(unhex(:id), left(sign_in_ids, ${(maxSignIns - 1) * idBytes}))
     where id = :operatorId`,
    { replacements: { operatorId, id } },
  );
}

/** @returns false if it had ended: of many who end one, a single one does it */
export async function removeSignIn(
  sequelize: Sequelize,
  operatorId: number,
  id: string,
  transaction?: Transaction,
): Promise<boolean> {
  const changed = await sequelize.query(
    `update cWaferOperator set sign_in_ids = replace(sign_in_ids, unhex(:id), '')
     where id = :operatorId and locate(unhex(:id), sign_in_ids) > 0`,
    {
      replacements: { operatorId, id },
      type: QueryTypes.BULKUPDATE,
      ...(transaction === undefined ? {} : { transaction }),
    },
  );
  return changed === 1;
}

/** Whose sign-in it is; undefined: it has ended, or there was none. Reads all operators. */
export async function findOperatorOfSignIn(sequelize: Sequelize, id: string): Promise<number | undefined> {
  const [row] = await sequelize.query<{ id: number }>(
    'select id from cWaferOperator where locate(unhex(:id), sign_in_ids) > 0',
    { replacements: { id }, type: QueryTypes.SELECT },
  );
  return row?.id;
}

/** The newest first; those that nobody has visited for too long are among them. */
export async function readSignInIds(sequelize: Sequelize, operatorId: number): Promise<string[]> {
  const [row] = await sequelize.query<{ ids: string }>(
    'select lower(hex(sign_in_ids)) as ids from cWaferOperator where id = :operatorId',
    { replacements: { operatorId }, type: QueryTypes.SELECT },
  );
  return row?.ids.match(new RegExp(`.{${2 * idBytes}}`, 'g')) ?? [];
}

/** The clock that all processes share, in milliseconds since 1970. */
export async function readStoreTime(sequelize: Sequelize): Promise<number> {
  const [row] = await sequelize.query<{ now: number | string }>(`select ${databaseNowMs} as now`, {
    type: QueryTypes.SELECT,
  });
  return Number(row?.now);
}
