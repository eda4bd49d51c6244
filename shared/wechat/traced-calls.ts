import { toReasonToken } from '../protocol/outcome.ts';
import { inSpan, type Span } from '../tracing/span.ts';
import type { WechatAnswer } from './answer.ts';
import type { WechatClient } from './client.ts';

/** What asks, without what closes it. */
export type WechatCalls = Pick<WechatClient, 'get' | 'leanGet' | 'post'>;

/**
 * The same client for one request: each call is a span, and tells WeChat its traceparent, which is of use to a proxy or a token service of the
 * company's own. Of the address a span has host and path alone: the query holds secret and code.
 * @param parent undefined: the client as it is
 */
export function traceCalls(client: WechatClient, parent: Span | undefined): WechatCalls {
  if (parent === undefined) return client;
  const trace = (method: 'GET' | 'POST', path: string, ask: (traceparent: string) => Promise<WechatAnswer>) =>
    inSpan(
      parent,
      // The path of a token service may hold a key.
      `${method} ${path === '' ? 'token service' : path}`,
      'client',
      {
        'http.request.method': method,
        'server.address': client.host,
        ...(path === '' ? {} : { 'url.path': path }),
      },
      async (span = parent) => {
        const answer = await ask(span.traceparent);
        if (answer.kind !== 'body') {
          span.set({ 'wafer.reason': toReasonToken(answer.kind === 'unreachable' ? answer.reason : answer.kind) });
          span.fail();
        }
        return answer;
      },
    );
  return {
    get: (path, query, timeoutMs, headers) =>
      trace('GET', path, (traceparent) => client.get(path, query, timeoutMs, { ...headers, traceparent })),
    leanGet: (path, query, timeoutMs) =>
      trace('GET', path, (traceparent) => client.leanGet(path, query, timeoutMs, traceparent)),
    post: (path, query, body, timeoutMs, headers) =>
      trace('POST', path, (traceparent) => client.post(path, query, body, timeoutMs, { ...headers, traceparent })),
  };
}
