import { createHash } from 'node:crypto';
import type { Sequelize } from 'sequelize';
import type { ClaimRole } from '../../../shared/config/console.ts';
import { readOperatorName } from '../../../shared/operators/operator-name.ts';
import { addOperator, changeOperator, findOperator, type Operator } from '../../../shared/operators/operator-store.ts';
import { roles, type Role } from '../../../shared/operators/roles.ts';
import { recordAudit, type Actor } from '../../../shared/store/audit.ts';
import { inTransaction } from '../../../shared/store/in-transaction.ts';
import { createActor } from '../administration.ts';
import { clocksDifferMs } from './sign-ins.ts';

export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

/** Of a proof that lies in a time to come: its clock was wrong then, or is now. */
const unknownMs = 86_400_000;

/**
 * How long before it was asked the provider had the person prove who they are, as it says by `auth_time`; 0 where it does not say. Both times
 * are of its own clock.
 */
export function msSinceProof({ auth_time: proven, iat: issued }: Claims): number {
  if (typeof proven !== 'number' || typeof issued !== 'number') return 0;
  const ms = (issued - proven) * 1000;
  return ms < -clocksDifferMs ? unknownMs : Math.max(0, ms);
}

/** The highest role that the claims give; undefined: none. */
export function roleOfClaims(claims: Claims, rules: readonly ClaimRole[]): Role | undefined {
  const given = rules.filter(({ claim }) => claim === undefined || has(claims[claim.name], claim.value));
  return roles.findLast((role) => given.some((rule) => rule.role === role));
}

function has(claim: unknown, value: string): boolean {
  return Array.isArray(claim) ? claim.includes(value) : claim === value;
}

/**
 * The operator whom the provider vouches for: known by issuer and subject, whatever they are called. Made at the first sign-in; has the role
 * that the provider gives now, and one that lost it has its sign-ins ended.
 * @returns undefined: the claims give no role
 */
export async function findOidcOperator(
  sequelize: Sequelize,
  { issuer, claims, role }: { readonly issuer: string; readonly claims: Claims; readonly role: Role | undefined },
  actor: Actor,
): Promise<Operator | undefined> {
  const subjectHash = createHash('sha256').update(`${issuer}\n${claims.sub}`).digest('hex');
  return inTransaction(sequelize, async (transaction) => {
    const found = await findOperator(sequelize, { subjectHash }, transaction);
    if (found === undefined && role === undefined) return undefined;
    if (found === undefined) {
      const name = await chooseName(sequelize, claims, subjectHash);
      await addOperator(sequelize, { name, kind: 'oidc', role: role as Role, subjectHash }, transaction);
      const entry = { action: 'operator add', target: name, details: { kind: 'oidc', role } };
      await recordAudit(sequelize, { ...entry, actor: createActor(name, actor.host) }, transaction);
      return findOperator(sequelize, { subjectHash }, transaction);
    }
    if (found.role === role) return found;
    await changeOperator(sequelize, found.id, { role }, transaction);
    const details = { role: role ?? 'none', before: { role: found.role } };
    const entry = { action: 'operator role', target: found.name, details };
    await recordAudit(sequelize, { ...entry, actor: createActor(found.name, actor.host) }, transaction);
    return role === undefined ? undefined : findOperator(sequelize, { subjectHash }, transaction);
  });
}

/** As the provider calls them; somebody else who is called so here keeps the name. */
async function chooseName(sequelize: Sequelize, claims: Claims, subjectHash: string): Promise<string> {
  const given = [claims['preferred_username'], claims['email'], claims.sub].flatMap((name) =>
    typeof name === 'string' ? (readOperatorName(name) ?? []) : [],
  );
  const distinct = `-${subjectHash.slice(0, 8)}`;
  const [name = `person${distinct}`] = given;
  const isTaken = (await findOperator(sequelize, { name })) !== undefined;
  return isTaken ? `${name.slice(0, 64 - distinct.length)}${distinct}` : name;
}
