import type { Context } from 'koa';
import { sendError } from '../answer.ts';
import { endConnectionAfter } from '../middleware/ending-connection.ts';

/** Why a request does not reach the protocol. */
export type RefusalReason =
  | 'client_not_allowed'
  | 'caller_key_missing'
  | 'caller_key_unknown'
  | 'callers_unavailable'
  | 'caller_not_permitted'
  | 'not_found';

const statuses: Readonly<Record<RefusalReason, number>> = {
  client_not_allowed: 403,
  caller_key_missing: 401,
  caller_key_unknown: 401,
  callers_unavailable: 503,
  caller_not_permitted: 403,
  not_found: 404,
};

export const refusalReasons = Object.keys(statuses) as RefusalReason[];

/** The status of a refusal; of a forward auth check, where 401 is the user's session and nothing else, 403 instead. */
export function statusOfRefusal(reason: RefusalReason, isForwardAuth: boolean): number {
  const status = statuses[reason];
  return status === 401 && isForwardAuth ? 403 : status;
}

/** Answers without reading the body; since that may still be on its way, the connection carries nothing more. */
export function refuse(context: Context, status: number, reason: RefusalReason): void {
  endConnectionAfter(context.res);
  context.set('X-Wafer-Reason', reason);
  if (status === 401) context.set('WWW-Authenticate', 'Wafer-Caller');
  if (status === 503) context.set('Retry-After', '1');
  sendError(context, status, reason);
}
