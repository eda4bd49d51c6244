import { randomBytes } from 'node:crypto';

import { createUser, createUserData } from '../../../apps/wechat-simulator/users.ts';
import { testAppid } from '../../support/stack.ts';

/** A simulated user and what the client knows of its session. */
export interface User {
  readonly name: string;
  readonly openId: string;
  logins: number;
  /** A log-in is under way: its success ends the session before it. */
  isLoggingIn: boolean;
  /** Of the last log-in, if that succeeded. After one that failed nobody knows which skey is valid. */
  session: { readonly id: string; readonly skey: string } | undefined;
  /** When a check of the session last succeeded, seconds since 1970, as sent. */
  visitedAt: number | undefined;
}

export function createLoadUser(): User {
  const name = `load${randomBytes(9).toString('hex')}`;
  const { openid } = createUser(testAppid, name);
  return { name, openId: openid, logins: 0, isLoggingIn: false, session: undefined, visitedAt: undefined };
}

/** What a mini program sends at the user's next log-in; every code is new. */
export function nextLogin(user: User): { code: string; encrypt_data: string; iv: string } {
  const code = `${user.name}~${++user.logins}`;
  const { encrypt_data, iv } = createUserData(testAppid, code);
  return { code, encrypt_data, iv };
}
