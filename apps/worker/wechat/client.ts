import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import fetch, { FetchError } from 'node-fetch';

/** The only way out of this server. */
export interface WechatClient {
  /** @param query ready for the URL; it holds secrets, so it must never be logged */
  get(path: string, query: string, timeoutMs: number): Promise<WechatAnswer>;
  close(): void;
}

export type WechatAnswer =
  | { readonly kind: 'body'; readonly text: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'invalid' };

/** Real answers are a few hundred bytes. */
const maxAnswerBytes = 65_536;
const maxSockets = 500;

/** @param apiBase such as `https://api.weixin.qq.com` */
export function createWechatClient(apiBase: string): WechatClient {
  const agent = new (apiBase.startsWith('https:') ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    maxSockets,
    scheduling: 'lifo',
  });
  return {
    async get(path, query, timeoutMs) {
      const signal = AbortSignal.timeout(Math.max(Math.ceil(timeoutMs), 1));
      try {
        const response = await fetch(`${apiBase}${path}?${query}`, {
          agent,
          signal,
          redirect: 'manual',
          size: maxAnswerBytes,
        });
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
    },
    close: () => agent.destroy(),
  };
}
