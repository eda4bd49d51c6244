import { randomInt } from 'node:crypto';
import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { isRole, type Role } from './roles.ts';

/** password: a person with one; oidc: a person whom the identity provider vouches for; token: a program. */
type OperatorKind = 'password' | 'oidc' | 'token';

/** Somebody who may use the console. */
export interface Operator {
  readonly id: number;
  readonly name: string;
  readonly kind: OperatorKind;
  readonly role: Role;
  readonly isDisabled: boolean;
  /** Changed to end all sign-ins. */
  readonly signIns: number;
  /** Whether a password was set. */
  readonly hasPassword: boolean;
  readonly hasTotp: boolean;
  /** UTC+8, as every datetime of this database; a token that has one ends then. */
  readonly tokenUntil: string | null;
  readonly createdAt: string;
  readonly signedInAt: string | null;
}

/** What tells an operator. */
export type OperatorKey =
  | { readonly id: number }
  /** If this sign-in of theirs goes on: SHA-256 in hexadecimal digits of what the cookie holds. */
  | { readonly id: number; readonly signInId: string }
  | { readonly name: string }
  /** SHA-256 in hexadecimal digits; of one that has not ended. */
  | { readonly tokenHash: string }
  | { readonly linkHash: string }
  | { readonly subjectHash: string };

interface OperatorRow {
  readonly id: number;
  readonly name: string;
  readonly kind: OperatorKind;
  readonly role: string;
  readonly isDisabled: number;
  readonly signIns: number;
  readonly hasPassword: number;
  readonly hasTotp: number;
  readonly tokenUntil: string | null;
  readonly createdAt: string;
  readonly signedInAt: string | null;
}

export const now = 'utc_timestamp() + interval 8 hour';
const columns = `id, name, kind, role, is_disabled as isDisabled, sign_ins as signIns, password_hash is not null as hasPassword,
  totp_on as hasTotp, token_until as tokenUntil, created_at as createdAt, signed_in_at as signedInAt`;

const conditions = {
  id: 'id = :id',
  signInId: 'locate(unhex(:signInId), sign_in_ids) > 0',
  name: 'name = :name',
  tokenHash: `token_hash = unhex(:tokenHash) and (token_until is null or token_until > ${now})`,
  linkHash: `link_hash = unhex(:linkHash) and link_until > ${now}`,
  subjectHash: 'subject_hash = unhex(:subjectHash)',
};

/** In the order of their names. */
export async function readOperators(sequelize: Sequelize): Promise<Operator[]> {
  const rows = await sequelize.query<OperatorRow>(`select ${columns} from cWaferOperator order by name`, {
    type: QueryTypes.SELECT,
  });
  return rows.map(toOperator);
}

export async function findOperator(
  sequelize: Sequelize,
  key: OperatorKey,
  transaction?: Transaction,
): Promise<Operator | undefined> {
  const all = (Object.keys(key) as (keyof typeof conditions)[]).map((each) => conditions[each]).join(' and ');
  const [row] = await sequelize.query<OperatorRow>(
    `select ${columns} from cWaferOperator where ${all}${transaction === undefined ? '' : ' for update'}`,
    {
      replacements: key,
      type: QueryTypes.SELECT,
      ...(transaction === undefined ? {} : { transaction }),
    },
  );
  return row === undefined ? undefined : toOperator(row);
}

/** A role that this version does not know is the least. */
function toOperator({ role, isDisabled, hasPassword, hasTotp, ...row }: OperatorRow): Operator {
  return {
    ...row,
    role: isRole(role) ? role : 'viewer',
    isDisabled: isDisabled !== 0,
    hasPassword: hasPassword !== 0,
    hasTotp: hasTotp !== 0,
  };
}

export interface NewOperator {
  readonly name: string;
  readonly kind: OperatorKind;
  readonly role: Role;
  readonly subjectHash?: string | undefined;
  readonly tokenHash?: string | undefined;
  readonly tokenDays?: number | undefined;
}

/**
 * @param transaction of the entry in the audit log, so that neither is without the other
 * @returns false if there is one of this name
 */
export async function addOperator(
  sequelize: Sequelize,
  { name, kind, role, subjectHash, tokenHash, tokenDays }: NewOperator,
  transaction: Transaction,
): Promise<boolean> {
  const [, added] = await sequelize.query(
    `insert ignore into cWaferOperator (name, kind, role, sign_ins, subject_hash, token_hash, token_until, created_at)
     values (:name, :kind, :role, :signIns, unhex(:subjectHash), unhex(:tokenHash), ${now} + interval :tokenDays day, ${now})`,
    {
      replacements: {
        name,
        kind,
        role,
        signIns: randomSignIns(),
        subjectHash: subjectHash ?? null,
        tokenHash: tokenHash ?? null,
        tokenDays: tokenDays ?? null,
      },
      type: QueryTypes.INSERT,
      transaction,
    },
  );
  return added === 1;
}

export async function removeOperator(sequelize: Sequelize, id: number, transaction: Transaction): Promise<void> {
  await sequelize.query('delete from cWaferOperator where id = :id', { replacements: { id }, transaction });
}

/** Changes the columns that are given, and ends all sign-ins. */
export async function changeOperator(
  sequelize: Sequelize,
  id: number,
  { role, isDisabled }: { readonly role?: Role | undefined; readonly isDisabled?: boolean | undefined },
  transaction: Transaction,
): Promise<void> {
  await sequelize.query(
    `update cWaferOperator
     set role = coalesce(:role, role), is_disabled = coalesce(:isDisabled, is_disabled), sign_ins = :signIns where id = :id`,
    {
      replacements: {
        id,
        role: role ?? null,
        isDisabled: isDisabled === undefined ? null : Number(isDisabled),
        signIns: randomSignIns(),
      },
      transaction,
    },
  );
}

/** The largest that the column holds. */
const maxSignIns = 4_294_967_295;

/** What no sign-in has. */
export function randomSignIns(): number {
  return randomInt(1, maxSignIns);
}

export async function noteSignIn(sequelize: Sequelize, id: number): Promise<void> {
  await sequelize.query(`update cWaferOperator set signed_in_at = ${now} where id = :id`, { replacements: { id } });
}
