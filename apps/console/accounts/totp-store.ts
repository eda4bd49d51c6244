import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';

/** As it is stored, which is encrypted; undefined: there is none. */
export async function findTotpSecret(sequelize: Sequelize, id: number): Promise<string | undefined> {
  const [row] = await sequelize.query<{ secret: string | null }>(
    'select totp_secret as secret from cWaferOperator where id = :id',
    { replacements: { id }, type: QueryTypes.SELECT },
  );
  return row?.secret ?? undefined;
}

/** One that asks for nothing until it is switched on. @returns false if another one is on */
export async function storeTotpSecret(sequelize: Sequelize, id: number, stored: string): Promise<boolean> {
  const changed = await sequelize.query(
    'update cWaferOperator set totp_secret = :stored where id = :id and totp_on = 0',
    { replacements: { id, stored }, type: QueryTypes.BULKUPDATE },
  );
  return changed === 1;
}

/** @returns false if this sign-in or all of its operator were ended meanwhile, or another request did the same */
export async function switchTotp(
  sequelize: Sequelize,
  { id, signIns, signInId }: { readonly id: number; readonly signIns: number; readonly signInId: string },
  isOn: boolean,
  transaction: Transaction,
): Promise<boolean> {
  const changed = await sequelize.query(
    `update cWaferOperator set totp_on = :isOn ${isOn ? '' : ', totp_secret = null'}
     where id = :id and sign_ins = :signIns and locate(unhex(:signInId), sign_in_ids) > 0 and totp_on <> :isOn and totp_secret is not null`,
    { replacements: { id, signIns, signInId, isOn: Number(isOn) }, type: QueryTypes.BULKUPDATE, transaction },
  );
  return changed === 1;
}

/**
 * Takes the code of a time step, so that it is not taken again, nor one of before.
 * @returns false if it was taken
 */
export async function takeTotpStep(sequelize: Sequelize, id: number, step: number): Promise<boolean> {
  const changed = await sequelize.query(
    'update cWaferOperator set totp_step = :step where id = :id and totp_step < :step',
    { replacements: { id, step }, type: QueryTypes.BULKUPDATE },
  );
  return changed === 1;
}
