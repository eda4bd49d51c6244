import { returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { toReasonToken, type Outcome } from '../../../shared/protocol/outcome.ts';
import { queueOfCall, type Call } from '../../../shared/rpc/contract.ts';
import type { Span, Tracing } from '../../../shared/tracing/span.ts';

/** @returns undefined for a call whose front end does not trace it */
export function beginCall(tracing: Tracing, call: Call, redisNowMs: number): Span | undefined {
  const { name, traceparent, madeByUs } = call;
  if (traceparent === undefined) return undefined;
  return tracing.continue(`process ${name}`, traceparent, {
    'messaging.system': 'bullmq',
    'messaging.destination.name': queueOfCall[name],
    ...(madeByUs === undefined ? {} : { 'wafer.queued_ms': Math.max(0, Math.round(redisNowMs - madeByUs / 1000)) }),
    ...('appid' in call.request ? { 'wafer.appid': call.request.appid } : {}),
  });
}

export function tellAnswer(span: Span, response: Outcome | 'dropped'): void {
  const reason = response === 'dropped' ? response : response.reason;
  span.set({
    ...(response === 'dropped' ? {} : { 'wafer.return_code': returnCodeOf(response) }),
    ...(reason === undefined ? {} : { 'wafer.reason': toReasonToken(reason) }),
  });
}
