import { createLinkSecret, createOperatorToken, hashOperatorSecret } from '../operators/operator-secret.ts';
import { readOperatorName } from '../operators/operator-name.ts';
import {
  addOperator,
  changeOperator,
  findOperator,
  removeOperator,
  type Operator,
} from '../operators/operator-store.ts';
import { storeLink } from '../operators/password-store.ts';
import type { Role } from '../operators/roles.ts';
import type { Sequelize } from 'sequelize';
import { recordAudit, type Actor } from '../store/audit.ts';
import { inTransaction } from '../store/in-transaction.ts';
import { AdministrationFailure } from './failure.ts';

interface Stores {
  readonly sequelize: Sequelize;
}

/** A person who is to set a password. The secret is shown once; only its hash is kept. */
export interface InvitedOperator {
  readonly name: string;
  readonly role: Role;
  readonly linkSecret: string;
}

/** @throws {AdministrationFailure} operator_exists, operator_name_invalid */
export async function invitePerson(
  { sequelize }: Stores,
  { name: given, role }: { readonly name: string; readonly role: Role },
  actor: Actor,
): Promise<InvitedOperator> {
  const name = requireName(given);
  const linkSecret = createLinkSecret();
  await inTransaction(sequelize, async (transaction) => {
    if (!(await addOperator(sequelize, { name, kind: 'password', role }, transaction))) throw exists(name);
    const { id } = await requireOperator(sequelize, name, transaction);
    await storeLink(sequelize, { id, hash: hashOf(linkSecret) }, transaction);
    const details = { kind: 'password', role };
    await recordAudit(sequelize, { actor, action: 'operator add', target: name, details }, transaction);
  });
  return { name, role, linkSecret };
}

/**
 * A program that sends a token, which is shown once.
 * @param days that the token is good for; undefined: until it is removed
 * @throws {AdministrationFailure} operator_exists, operator_name_invalid
 */
export async function addProgram(
  { sequelize }: Stores,
  { name: given, role, days }: { readonly name: string; readonly role: Role; readonly days?: number | undefined },
  actor: Actor,
): Promise<{ readonly name: string; readonly role: Role; readonly token: string }> {
  const name = requireName(given);
  const token = createOperatorToken();
  const program = { name, kind: 'token', role, tokenHash: hashOf(token), tokenDays: days } as const;
  await inTransaction(sequelize, async (transaction) => {
    if (!(await addOperator(sequelize, program, transaction))) throw exists(name);
    const details = { kind: 'token', role, ...(days === undefined ? {} : { days }) };
    await recordAudit(sequelize, { actor, action: 'operator add', target: name, details }, transaction);
  });
  return { name, role, token };
}

/**
 * A new link to set a password. What was set before stays good until the link is used.
 * @param dropsTotp using it takes the second factor away, of somebody who has lost it
 * @throws {AdministrationFailure} operator_unknown, operator_has_no_password
 */
export async function renewLink(
  { sequelize }: Stores,
  { name: given, dropsTotp = false }: { readonly name: string; readonly dropsTotp?: boolean | undefined },
  actor: Actor,
): Promise<InvitedOperator> {
  const linkSecret = createLinkSecret(dropsTotp);
  return inTransaction(sequelize, async (transaction) => {
    const { id, name, role, kind } = await requireOperator(sequelize, given, transaction);
    if (kind !== 'password')
      throw new AdministrationFailure(
        'operator_has_no_password',
        kind === 'token'
          ? `${name} is a program: remove it and add it again for a new token.`
          : `${name} signs in through the identity provider, not with a password.`,
      );
    await storeLink(sequelize, { id, hash: hashOf(linkSecret) }, transaction);
    const details = { withoutTotp: dropsTotp };
    await recordAudit(sequelize, { actor, action: 'operator link', target: name, details }, transaction);
    return { name, role, linkSecret };
  });
}

/**
 * Changes what somebody may do, or whether at all; counts at once, and ends all sign-ins.
 * @throws {AdministrationFailure} operator_unknown, role_of_provider
 */
export async function changeOperatorRights(
  { sequelize }: Stores,
  given: string,
  { role, disabled }: { readonly role?: Role | undefined; readonly disabled?: boolean | undefined },
  actor: Actor,
): Promise<{ readonly name: string; readonly role: Role; readonly disabled: boolean }> {
  return inTransaction(sequelize, async (transaction) => {
    const before = await requireOperator(sequelize, given, transaction);
    const { id, name, kind } = before;
    if (kind === 'oidc' && role !== undefined && role !== before.role)
      throw new AdministrationFailure('role_of_provider', `The identity provider says which role ${name} has.`);
    const after = { role: role ?? before.role, disabled: disabled ?? before.isDisabled };
    if (after.role === before.role && after.disabled === before.isDisabled) return { name, ...after };
    await changeOperator(sequelize, id, { role, isDisabled: disabled }, transaction);
    const details = { ...after, before: { role: before.role, disabled: before.isDisabled } };
    const action =
      after.role === before.role ? (after.disabled ? 'operator disable' : 'operator enable') : 'operator role';
    await recordAudit(sequelize, { actor, action, target: name, details }, transaction);
    return { name, ...after };
  });
}

/** @throws {AdministrationFailure} operator_unknown */
export async function removeOperatorByName(
  { sequelize }: Stores,
  given: string,
  actor: Actor,
): Promise<{ readonly name: string }> {
  return inTransaction(sequelize, async (transaction) => {
    const { id, name, role, kind } = await requireOperator(sequelize, given, transaction);
    await removeOperator(sequelize, id, transaction);
    await recordAudit(
      sequelize,
      { actor, action: 'operator remove', target: name, details: { kind, role } },
      transaction,
    );
    return { name };
  });
}

async function requireOperator(
  sequelize: Sequelize,
  given: string,
  transaction: Parameters<typeof findOperator>[2],
): Promise<Operator> {
  const operator = await findOperator(sequelize, { name: given.trim().toLowerCase() }, transaction);
  if (operator !== undefined) return operator;
  throw new AdministrationFailure('operator_unknown', 'There is no such operator. See: npx wafer operator list');
}

function requireName(given: string): string {
  const name = readOperatorName(given);
  if (name !== undefined) return name;
  throw new AdministrationFailure(
    'operator_name_invalid',
    'A name has 1 to 64 letters, digits and . _ @ + -, and begins with a letter or a digit.',
  );
}

function exists(name: string): AdministrationFailure {
  return new AdministrationFailure('operator_exists', `There is an operator ${name} already.`);
}

function hashOf(secret: string): string {
  return hashOperatorSecret(secret) as string;
}
