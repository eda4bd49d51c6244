import fetch, { FetchError } from 'node-fetch';
import type { WechatAnswer } from './answer.ts';
import { createHostAgent } from './host-agent.ts';
import { createLeanGet } from './lean-get.ts';

/** The only way out of this server. */
export interface WechatClient {
  /** Name or address of the other side. */
  readonly host: string;
  /** @param query ready for the URL; it holds secrets, so it must never be logged */
  get(
    path: string,
    query: string,
    timeoutMs: number,
    headers?: Readonly<Record<string, string>>,
  ): Promise<WechatAnswer>;
  /** The same at a seventh of the cost, for the call of every log-in. The base has to be without a query. */
  leanGet(path: string, query: string, timeoutMs: number, traceparent?: string): Promise<WechatAnswer>;
  /** @param body sent as JSON; it may hold secrets, too; undefined: none */
  post(
    path: string,
    query: string,
    body: object | undefined,
    timeoutMs: number,
    headers?: Readonly<Record<string, string>>,
  ): Promise<WechatAnswer>;
  close(): Promise<void>;
}

/** Real answers are a few hundred bytes. */
const maxAnswerBytes = 65_536;
const maxSockets = 500;

/** @param base such as `https://api.weixin.qq.com`, or the address of a token service, which may have a query */
export function createWechatClient(base: string): WechatClient {
  const agent = createHostAgent(base.startsWith('https:'), {
    keepAlive: true,
    maxSockets,
    scheduling: 'lifo',
  });
  const lean = createLeanGet(base, { maxSockets, maxAnswerBytes });
  const ask = async (path: string, query: string, timeoutMs: number, request: object): Promise<WechatAnswer> => {
    const signal = AbortSignal.timeout(Math.max(Math.ceil(timeoutMs), 1));
    const target = base + path;
    const url = query === '' ? target : `${target}${target.includes('?') ? '&' : '?'}${query}`;
    try {
      const response = await fetch(url, { ...request, agent, signal, redirect: 'manual', size: maxAnswerBytes });
      const text = await response.text();
      return response.status === 200
        ? { kind: 'body', text }
        : { kind: 'unreachable', reason: `wechat_http_${response.status}` };
    } catch (error) {
      if (signal.aborted) return { kind: 'unreachable', reason: 'wechat_timeout' };
      if (error instanceof FetchError && error.type === 'max-size') return { kind: 'invalid' };
      // The error itself stays here: its message quotes the URL, and with it secret and code.
      return { kind: 'unreachable', reason: 'wechat_network' };
    }
  };
  return {
    host: new URL(base).hostname,
    leanGet: (path, query, timeoutMs, traceparent) => lean.get(`${path}?${query}`, timeoutMs, traceparent),
    get: (path, query, timeoutMs, headers) => ask(path, query, timeoutMs, headers === undefined ? {} : { headers }),
    post: (path, query, body, timeoutMs, headers) =>
      ask(path, query, timeoutMs, {
        method: 'POST',
        headers: body === undefined ? { ...headers } : { ...headers, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async close() {
      agent.destroy();
      await lean.close();
    },
  };
}
