import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerAndClose } from '../middleware/broken-request.ts';
import { chooseRequestId, requestIdHeaderOf } from '../middleware/request-id.ts';

/** Why a request does not reach the protocol. */
export type RefusalReason =
  | 'client_not_allowed'
  | 'caller_key_missing'
  | 'caller_key_unknown'
  | 'callers_unavailable'
  | 'not_found';

const statuses: Readonly<Record<RefusalReason, number>> = {
  client_not_allowed: 403,
  caller_key_missing: 401,
  caller_key_unknown: 401,
  callers_unavailable: 503,
  not_found: 404,
};

export const refusalReasons = Object.keys(statuses) as RefusalReason[];

/** The status of a refusal; of a forward auth check, where 401 is the user's session and nothing else, 403 instead. */
export function statusOfRefusal(reason: RefusalReason, isForwardAuth: boolean): number {
  const status = statuses[reason];
  return status === 401 && isForwardAuth ? 403 : status;
}

/** Answers without reading the body. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  reason: RefusalReason,
): void {
  answerAndClose(response, status, reason, {
    'X-Request-Id': chooseRequestId(requestIdHeaderOf(request)),
    'X-Wafer-Reason': reason,
    ...(status === 401 ? { 'WWW-Authenticate': 'Wafer-Caller' } : {}),
    ...(status === 503 ? { 'Retry-After': 1 } : {}),
  });
}
