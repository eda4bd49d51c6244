import type { Context } from 'koa';
import { isAtLeast } from '../../../shared/operators/roles.ts';
import { bearerOf } from '../accounts/bearer.ts';
import type { Who } from '../accounts/who.ts';
import type { Origins } from '../origins.ts';
import { stateOf } from '../state.ts';
import { ApiProblem } from './problem.ts';
import type { LeastRole } from './route.ts';

/** What a page of ours sends with everything that changes something: a form of a stranger's page can't. */
const pageHeader = 'X-Wafer-Console';

/** What decides beside the role. */
export interface Doorkeeper {
  readonly origins: Origins;
  /** Of whoever signs in with a password. */
  readonly requiresTotp: boolean;
}

/**
 * Whether who asks may have this route.
 * @throws {ApiProblem} 401 not_signed_in, 403 role_too_low, totp_needed or not_from_page
 */
export function authorize(context: Context, role: LeastRole, { origins, requiresTotp }: Doorkeeper): Who | undefined {
  const { who } = stateOf(context);
  if (role !== 'anyone' && who === undefined)
    throw new ApiProblem(401, 'not_signed_in', 'Sign in first, or send a token: Authorization: Bearer …', {
      headers: { 'WWW-Authenticate': 'Bearer' },
    });
  // A browser sends cookies by itself, a program's token it does not know.
  const isByCookie = bearerOf(context) === undefined;
  if (isByCookie && !isSafe(context) && !(context.get(pageHeader) === '1' && origins.isOwnPage(context)))
    throw new ApiProblem(
      403,
      'not_from_page',
      `What changes something has to come from a page of ${origins.url}, with the header ${pageHeader}: 1. If the console is opened by another address, set CONSOLE_URL to that.`,
    );
  if (who === undefined || role === 'anyone' || role === 'self') return who;
  if (requiresTotp && who.via === 'password' && !who.hasTotp)
    throw new ApiProblem(
      403,
      'totp_needed',
      'Here a password alone is not enough: switch on the codes of an app on your phone first, in your account.',
    );
  if (!isAtLeast(who.role, role))
    throw new ApiProblem(403, 'role_too_low', `This needs the role ${role}; ${who.name} has ${who.role}.`);
  return who;
}

/**
 * Whether who asks is still who they were when the request began: its body may have taken its time, and nobody who is signed out, disabled or
 * has another role meanwhile changes anything.
 * @throws {ApiProblem} 401 not_signed_in
 */
export async function confirmWho(context: Context): Promise<void> {
  const { confirm } = stateOf(context);
  if (confirm !== undefined && !(await confirm())) throw signInEnded();
}

export function signInEnded(): ApiProblem {
  return new ApiProblem(
    401,
    'not_signed_in',
    'While this request came, the sign-in or token ended, or the role changed.',
  );
}

export function isSafe({ method }: Context): boolean {
  return method === 'GET' || method === 'HEAD';
}
