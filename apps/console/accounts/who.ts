import type { Context, Middleware } from 'koa';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Sequelize } from 'sequelize';
import { networkOf } from '../../../shared/http/places.ts';
import { hashOperatorSecret } from '../../../shared/operators/operator-secret.ts';
import { findOperator, type Operator } from '../../../shared/operators/operator-store.ts';
import type { Role } from '../../../shared/operators/roles.ts';
import { ApiProblem } from '../api/problem.ts';
import { stateOf } from '../state.ts';
import { bearerOf } from './bearer.ts';
import type { SignIns } from './sign-ins.ts';

/** Who asks, as MySQL has it at this moment. */
export interface Who {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly via: 'password' | 'oidc' | 'token';
  readonly hasTotp: boolean;
  /** Another one now, and all sign-ins of then are over. */
  readonly signIns: number;
}

/** From one address, in each process: a guess is hopeless, but each asks MySQL. */
const maxGoodTokens = 1000;
const unknownTokenLimit = { points: 60, duration: 60 };

/**
 * Finds out who asks, with each request anew: who is disabled or removed, or has another role, is so at once. Whoever is not known asks as
 * nobody; a token that is not known is refused.
 */
export function createWho(sequelize: Sequelize, signIns: SignIns): Middleware {
  const findBySession = async (context: Context): Promise<void> => {
    const signIn = signIns.current(context);
    if (signIn === undefined) return;
    const find = async () => {
      const operator = await findOperator(sequelize, { id: signIn.operatorId, signInId: signIn.id });
      const isCurrent = operator?.isDisabled === false && operator.signIns === signIn.signIns;
      return isCurrent ? operator : undefined;
    };
    const operator = await find();
    if (operator === undefined) signIns.end(context);
    else
      note(context, operator, async () => (await signIns.isKept(signIn.id)) && (await find())?.role === operator.role);
  };
  const unknownTokens = new RateLimiterMemory(unknownTokenLimit);
  /** Hashes of those that were good: whoever guesses from the same address keeps none of these out. */
  const goodTokens = new Set<string>();
  const noteGood = (tokenHash: string, isGood: boolean): void => {
    if (!isGood) goodTokens.delete(tokenHash);
    else if (goodTokens.size < maxGoodTokens) goodTokens.add(tokenHash);
  };
  const findByToken = async (context: Context, token: string): Promise<void> => {
    const network = networkOf(stateOf(context).address ?? 'unknown');
    const tokenHash = hashOperatorSecret(token);
    const before = await unknownTokens.get(network);
    if (before !== null && before.remainingPoints <= 0 && !goodTokens.has(tokenHash ?? ''))
      throw new ApiProblem(429, 'too_many_tries', 'Too many unknown tokens came from this address.', {
        headers: { 'Retry-After': String(Math.ceil(before.msBeforeNext / 1000)) },
      });
    const find = async () => {
      const operator = tokenHash === undefined ? undefined : await findOperator(sequelize, { tokenHash });
      return operator?.isDisabled === false ? operator : undefined;
    };
    const operator = await find();
    if (tokenHash !== undefined) noteGood(tokenHash, operator !== undefined);
    if (operator === undefined) {
      await unknownTokens.consume(network).catch(() => undefined);
      throw new ApiProblem(401, 'token_unknown', 'This token is not known, has ended, or its program is disabled.', {
        headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
      });
    }
    note(context, operator, async () => (await find())?.role === operator.role);
  };
  return async (context, next) => {
    const token = bearerOf(context);
    await (token === undefined ? findBySession(context) : findByToken(context, token));
    return next();
  };
}

function note(
  context: Context,
  { id, name, role, kind, hasTotp, signIns }: Operator,
  confirm: () => Promise<boolean>,
): void {
  Object.assign(stateOf(context), { who: { id, name, role, via: kind, hasTotp, signIns }, confirm });
}
