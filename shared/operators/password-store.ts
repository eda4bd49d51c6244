import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { now, randomSignIns } from './operator-store.ts';

/** How long a link to set a password is good for. */
export const linkMinutes = 120;

/**
 * Makes the link by which a password is set, in the place of one that was made before. Password and second factor stay until the link is used.
 * @param hash SHA-256 of its secret, in hexadecimal digits
 */
export async function storeLink(
  sequelize: Sequelize,
  { id, hash }: { readonly id: number; readonly hash: string },
  transaction: Transaction,
): Promise<void> {
  await sequelize.query(
    `update cWaferOperator set link_hash = unhex(:hash), link_until = ${now} + interval ${linkMinutes} minute where id = :id`,
    { replacements: { id, hash }, transaction },
  );
}

/** undefined: none is set. */
export async function findPasswordHash(sequelize: Sequelize, id: number): Promise<string | undefined> {
  const [row] = await sequelize.query<{ hash: string | null }>(
    'select password_hash as hash from cWaferOperator where id = :id',
    { replacements: { id }, type: QueryTypes.SELECT },
  );
  return row?.hash ?? undefined;
}

/**
 * Sets a password and ends all sign-ins; a link that is open is void from then on.
 * @param linkHash of the link by which it is set: then nothing happens if that was used or replaced meanwhile
 * @param ifSignIns what sign-ins have: then nothing happens if all of them were ended meanwhile
 * @param dropsTotp also takes the second factor away
 * @returns what sign-ins have from now on; undefined: nothing was changed
 */
export async function storePassword(
  sequelize: Sequelize,
  {
    id,
    passwordHash,
    linkHash,
    ifSignIns,
    dropsTotp = false,
  }: {
    readonly id: number;
    readonly passwordHash: string;
    readonly linkHash?: string;
    readonly ifSignIns?: number;
    readonly dropsTotp?: boolean;
  },
  transaction: Transaction,
): Promise<number | undefined> {
  const signIns = randomSignIns();
  const changed = await sequelize.query(
    `update cWaferOperator set password_hash = :passwordHash, sign_ins = :signIns, link_hash = null, link_until = null
     ${dropsTotp ? ', totp_on = 0, totp_secret = null' : ''}
     where id = :id and is_disabled = 0 ${linkHash === undefined ? '' : `and link_hash = unhex(:linkHash) and link_until > ${now}`}
       ${ifSignIns === undefined ? '' : 'and sign_ins = :ifSignIns'}`,
    {
      replacements: { id, passwordHash, signIns, linkHash: linkHash ?? null, ifSignIns: ifSignIns ?? null },
      type: QueryTypes.BULKUPDATE,
      transaction,
    },
  );
  return changed === 1 ? signIns : undefined;
}
