import { z } from 'zod';
import { storePassword } from '../../../shared/operators/password-store.ts';
import { switchTotp } from '../accounts/totp-store.ts';
import { recordAudit } from '../../../shared/store/audit.ts';
import { inTransaction } from '../../../shared/store/in-transaction.ts';
import { refuseWeakPassword } from '../accounts/password-rules.ts';
import type { Who } from '../accounts/who.ts';
import { signInEnded } from './authorize.ts';
import { password, role, timestamp, totpCode } from './fields.ts';
import { ApiProblem } from './problem.ts';
import { defineRoute, type ApiRoute, type Call } from './route.ts';
import { stateOf } from '../state.ts';

type OwnCall = Pick<Call<unknown, unknown, unknown, 'self'>, 'who' | 'parts' | 'administration' | 'context'>;

/** Whoever is signed in, and what they can change about that. */
export const meRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/me',
    operationId: 'showMe',
    summary: 'Tells who is signed in',
    role: 'self',
    answer: z.object({
      name: z.string(),
      role,
      via: z.enum(['password', 'oidc', 'token']),
      totp: z.boolean().describe('Whether a code is asked for at sign-in'),
    }),
    handle: ({ who }) => ({ name: who.name, role: who.role, via: who.via, totp: who.hasTotp }),
  }),
  defineRoute({
    method: 'PUT',
    path: '/me/password',
    operationId: 'changeMyPassword',
    summary: 'Changes the password, and ends all other sign-ins',
    role: 'self',
    status: 204,
    body: z.object({ old: password, new: password }),
    answer: z.undefined(),
    async handle({ body, ...call }) {
      await confirmPassword(call, body.old);
      const { who, parts, administration, context } = call;
      const { sequelize, actor } = administration;
      refuseWeakPassword(body.new, who.name);
      const { id, name, signIns: ifSignIns } = who;
      const passwordHash = await parts.accounts.passwords.hash(body.new);
      const signIns = await inTransaction(sequelize, async (transaction) => {
        const changed = await storePassword(sequelize, { id, passwordHash, ifSignIns }, transaction);
        const entry = { actor, action: 'operator password', target: name, details: { by: 'operator' } };
        if (changed === undefined || !(await parts.accounts.signIns.take(context, transaction))) throw signInEnded();
        await recordAudit(sequelize, entry, transaction);
        return changed;
      });
      await parts.accounts.signIns.keep(context, signIns);
      return undefined;
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/me/totp',
    operationId: 'prepareMyTotp',
    summary: 'Makes a secret for the codes of an app on a phone; it counts once a code was sent with PUT',
    role: 'self',
    body: z.object({ password }),
    answer: z.object({ secret: z.string().describe('base32'), uri: z.string().describe('otpauth://…, for a QR code') }),
    async handle({ body, ...call }) {
      await confirmPassword(call, body.password);
      const prepared = await call.parts.accounts.totp.prepare(call.who);
      if (prepared === undefined)
        throw new ApiProblem(409, 'totp_is_on', 'Codes are asked for already: switch that off first.');
      return prepared;
    },
  }),
  defineRoute({
    method: 'PUT',
    path: '/me/totp',
    operationId: 'switchMyTotpOn',
    summary: 'From now on signing in takes a code, too',
    role: 'self',
    status: 204,
    body: z.object({ code: totpCode }),
    answer: z.undefined(),
    handle: ({ body, ...call }) => changeTotp(call, body.code, true),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/me/totp',
    operationId: 'switchMyTotpOff',
    summary: 'Signing in takes no code any more',
    role: 'self',
    status: 204,
    body: z.object({ code: totpCode }),
    answer: z.undefined(),
    handle: ({ body, ...call }) => changeTotp(call, body.code, false),
  }),
  defineRoute({
    method: 'GET',
    path: '/me/sign-ins',
    operationId: 'listMySignIns',
    summary: 'Lists where one is signed in',
    role: 'self',
    answer: z.object({
      items: z.array(
        z.object({
          id: z.string(),
          from: z.string(),
          userAgent: z.string(),
          signedInAt: timestamp,
          lastSeenAt: timestamp,
          isThis: z.boolean(),
        }),
      ),
      next: z.null(),
    }),
    async handle({ who, parts, context }) {
      const { signIns } = parts.accounts;
      const own = signIns.current(context)?.id;
      const list = who.via === 'token' ? [] : await signIns.list(who.id);
      return {
        items: list.map(({ id, from, agent, at, seenAt }) => ({
          id,
          from,
          userAgent: agent,
          signedInAt: new Date(at).toISOString(),
          lastSeenAt: new Date(seenAt).toISOString(),
          isThis: id === own,
        })),
        next: null,
      };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/me/sign-ins/:id',
    operationId: 'endMySignIn',
    summary: 'Ends a sign-in of one’s own',
    role: 'self',
    status: 204,
    params: z.object({ id: z.string() }),
    answer: z.undefined(),
    async handle({ params, who, parts, administration }) {
      if (who.via === 'token' || !(await parts.accounts.signIns.endOne(who.id, params.id)))
        throw new ApiProblem(404, 'sign_in_unknown', 'There is no such sign-in of yours.');
      const { sequelize, actor } = administration;
      await recordAudit(sequelize, { actor, action: 'operator sign-out', target: who.name });
      return undefined;
    },
  }),
];

/** @throws {ApiProblem} of who has none, or another one */
async function confirmPassword({ who, parts, context }: OwnCall, given: string): Promise<void> {
  requirePassword(who);
  await parts.accounts.passwordSignIn.confirm(who, given, stateOf(context).address ?? 'unknown');
}

function requirePassword({ via }: Who): void {
  if (via !== 'password') throw new ApiProblem(409, 'no_password', 'Whoever signs in with a password alone has this.');
}

async function changeTotp(
  { who, parts, administration, context }: OwnCall,
  code: string,
  isOn: boolean,
): Promise<undefined> {
  requirePassword(who);
  if (who.hasTotp === isOn)
    throw new ApiProblem(409, isOn ? 'totp_is_on' : 'totp_is_off', `Codes are ${isOn ? '' : 'not '}asked for already.`);
  const attempt = await parts.accounts.tries.begin(who.name, stateOf(context).address ?? 'unknown');
  if (!(await parts.accounts.totp.isRight(who.id, code)))
    throw new ApiProblem(403, 'totp_wrong', 'The code is wrong, or was used already.');
  await attempt.takeBack();
  const { sequelize, actor } = administration;
  const signInId = parts.accounts.signIns.current(context)?.id ?? '';
  await inTransaction(sequelize, async (transaction) => {
    const isSwitched = await switchTotp(sequelize, { ...who, signInId }, isOn, transaction);
    if (!isSwitched) throw signInEnded();
    const action = isOn ? 'operator totp on' : 'operator totp off';
    await recordAudit(sequelize, { actor, action, target: who.name }, transaction);
  });
  return undefined;
}
