import type { Context } from 'koa';
import { z } from 'zod';
import type { Accounts } from '../accounts/accounts.ts';
import { freshMs } from '../accounts/sign-ins.ts';
import type { Who } from '../accounts/who.ts';
import { stateOf } from '../state.ts';
import { password, totpCode } from './fields.ts';
import { ApiProblem } from './problem.ts';
import type { ReadRequest } from './read-request.ts';
import type { ApiRoute } from './route.ts';

/** What a person sends of their own to confirm that it is they. */
export const confirmation = z
  .object({ password, totp: totpCode.optional() })
  .optional()
  .describe('Of a person who signs in by password: their own, and a code if they sign in with one');

type Confirmation = z.output<typeof confirmation>;

/**
 * Takes the confirmation out of a request, before anything else has it.
 * @returns also what the body asks for, as text, for `idempotency.ts`: the same with another code. Of a route that confirms nothing it is as it came
 */
export function takeConfirmation(
  { confirm }: Pick<ApiRoute, 'confirm'>,
  { rawBody, ...request }: ReadRequest,
): Omit<ReadRequest, 'rawBody'> & { readonly asked: string; readonly confirmation: Confirmation } {
  if (confirm === undefined) return { ...request, asked: rawBody, confirmation: undefined };
  const { confirm: confirmation, ...body } = request.body as { readonly confirm: Confirmation };
  return { ...request, body, asked: JSON.stringify(body), confirmation };
}

/**
 * For what gives rights or a way in: neither a program's token nor a cookie alone, both of which may be stolen, gives another one.
 * @throws {ApiProblem} 403 persons_only, confirmation_required, password_wrong, totp_wrong or sign_in_again; 429 too_many_tries; 503 busy
 */
export async function confirmPerson(
  context: Context,
  who: Who | undefined,
  given: Confirmation,
  { signIns, passwordSignIn }: Pick<Accounts, 'signIns' | 'passwordSignIn'>,
): Promise<void> {
  if (who === undefined || who.via === 'token')
    throw new ApiProblem(403, 'persons_only', 'No program does this: a person does, or npx wafer operator.');
  if (who.via === 'password') return passwordSignIn.confirmWhole(who, given, stateOf(context).address ?? 'unknown');
  if (!(await signIns.isFresh(context)))
    throw new ApiProblem(
      403,
      'sign_in_again',
      `This wants a sign-in through the identity provider that is at most ${freshMs / 60_000} minutes old: sign in once more.`,
    );
}
