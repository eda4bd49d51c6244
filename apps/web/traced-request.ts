import type { Context } from 'koa';
import { returnCodeOf } from '../../shared/protocol/envelope.ts';
import { toReasonToken, type Failure } from '../../shared/protocol/outcome.ts';
import type { Span } from '../../shared/tracing/span.ts';
import { appResultOf } from './interfaces/app-result.ts';

/** What came of a request. One that is refused has done what it is for; a failure of ours or of WeChat has not. */
export function endRequest(
  span: Span,
  outcome: { readonly ok: true } | Failure,
  method: 'GET' | 'POST',
  route: '/mina_auth/' | '/forward-auth',
): void {
  span.set({
    'http.request.method': method,
    'http.route': route,
    'wafer.return_code': outcome.ok ? 0 : returnCodeOf(outcome),
    ...(outcome.ok || outcome.reason === undefined ? {} : { 'wafer.reason': toReasonToken(outcome.reason) }),
  });
  if (!outcome.ok && appResultOf(outcome) === 'failed') span.fail();
  span.end();
}

/** As Node has it: several are one that is none. */
export function traceparentOf(context: Context): string | undefined {
  return context.req.headers['traceparent'] as string | undefined;
}
