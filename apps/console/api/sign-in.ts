import { z } from 'zod';
import { notAPerson } from '../accounts/bearer.ts';
import { dropsTotp, hashOperatorSecret } from '../../../shared/operators/operator-secret.ts';
import { findOperator, noteSignIn } from '../../../shared/operators/operator-store.ts';
import { storePassword } from '../../../shared/operators/password-store.ts';
import { recordAudit } from '../../../shared/store/audit.ts';
import { inTransaction } from '../../../shared/store/in-transaction.ts';
import { createActor } from '../administration.ts';
import { refuseWeakPassword } from '../accounts/password-rules.ts';
import { signInEnded } from './authorize.ts';
import { ApiProblem } from './problem.ts';
import { password, totpCode } from './fields.ts';
import { defineRoute, type ApiRoute } from './route.ts';
import { stateOf } from '../state.ts';

/** Before anybody is signed in, and the way out. */
export const signInRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/sign-in/ways',
    operationId: 'listWaysToSignIn',
    summary: 'Tells how people can sign in',
    role: 'anyone',
    answer: z.object({
      password: z.boolean(),
      oidc: z.object({ name: z.string().describe('Host of the identity provider') }).nullable(),
    }),
    handle: ({ parts: { accounts } }) => ({
      password: true,
      oidc: accounts.provider === undefined ? null : { name: new URL(accounts.provider.issuer).host },
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/sign-in',
    operationId: 'signIn',
    summary: 'Signs a person in: the answer sets the cookie',
    role: 'anyone',
    status: 204,
    body: z.object({ name: z.string().max(100), password, totp: totpCode.optional() }),
    answer: z.undefined(),
    async handle({ body, parts, administration, context }) {
      const { signIns, passwordSignIn } = parts.accounts;
      const operator = await passwordSignIn.check(body, stateOf(context).address ?? 'unknown');
      await signIns.begin(context, operator, 'password');
      const { sequelize, actor } = administration;
      await noteSignIn(sequelize, operator.id);
      const entry = { action: 'operator sign-in', target: operator.name, details: { via: 'password' } };
      await recordAudit(sequelize, { ...entry, actor: createActor(operator.name, actor.host) });
      return undefined;
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/sign-in',
    operationId: 'signOut',
    summary: 'Ends this sign-in',
    role: 'self',
    status: 204,
    answer: z.undefined(),
    async handle({ context, parts: { accounts }, who }) {
      if (who.via === 'token') throw notAPerson();
      // Another request of it may have gone on under a new cookie.
      if (!(await accounts.signIns.take(context))) throw signInEnded();
      accounts.signIns.end(context);
      return undefined;
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/password',
    operationId: 'setPassword',
    summary: 'Sets a password by a one-time link, and ends all sign-ins of its operator',
    role: 'anyone',
    status: 204,
    body: z.object({ token: z.string().max(100).describe('Of the link'), password }),
    answer: z.undefined(),
    async handle({ body, parts, administration }) {
      const { sequelize, actor } = administration;
      const linkHash = hashOperatorSecret(body.token);
      const operator = linkHash === undefined ? undefined : await findOperator(sequelize, { linkHash });
      if (operator === undefined || operator.isDisabled || linkHash === undefined)
        throw new ApiProblem(401, 'link_void', 'This link was used, or has ended. Ask for a new one.');
      refuseWeakPassword(body.password, operator.name);
      const passwordHash = await parts.accounts.passwords.hash(body.password);
      const { id, name } = operator;
      const isSet = await inTransaction(sequelize, async (transaction) => {
        const withoutTotp = dropsTotp(body.token);
        const change = { id, passwordHash, linkHash, dropsTotp: withoutTotp };
        const signIns = await storePassword(sequelize, change, transaction);
        const entry = { actor: createActor(name, actor.host), action: 'operator password', target: name };
        const details = { by: 'link', ...(withoutTotp ? { withoutTotp } : {}) };
        if (signIns !== undefined) await recordAudit(sequelize, { ...entry, details }, transaction);
        return signIns !== undefined;
      });
      if (!isSet) throw new ApiProblem(401, 'link_void', 'This link was used, or has ended. Ask for a new one.');
      return undefined;
    },
  }),
];
