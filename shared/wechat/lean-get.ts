import { errors, Pool, type Dispatcher } from 'undici';
import { createHttpConnector } from '../network/http-connector.ts';
import { TimedRequest } from '../network/timed-request.ts';
import type { WechatAnswer } from './answer.ts';

/** GETs without what a general client does around them. */
export interface LeanGet {
  /** @param traceparent of the span that it is asked for, if it is traced */
  get(path: string, timeoutMs: number, traceparent?: string): Promise<WechatAnswer>;
  /** Calls in flight answer that WeChat is unreachable. */
  close(): Promise<void>;
}

/**
 * An idle connection is closed here, unless WeChat names its own time: a call that goes out while WeChat closes it is lost, and its code
 * with it. undici also opens one in the place of each that it had to cut, and nobody may need it.
 */
const idleMs = 5000;
const headers = ['accept', 'application/json'];

/**
 * Log-ins are one GET each, and node-fetch with its streams and signals takes seven times the processor time of undici's dispatch for
 * one (docs/adr/0017-lean-get.md). No redirect is followed, nothing is inflated, nothing is sent twice, an answer over the limit is not
 * read to its end.
 * @param base where WeChat is; its path comes before `path`
 */
export function createLeanGet(
  base: string,
  { maxSockets, maxAnswerBytes }: { maxSockets: number; maxAnswerBytes: number },
): LeanGet {
  const { origin, pathname } = new URL(base);
  const prefix = pathname.replace(/\/$/, '');
  const pool = new Pool(origin, {
    connections: maxSockets,
    connect: createHttpConnector(),
    keepAliveTimeout: idleMs,
    maxResponseSize: maxAnswerBytes,
    // Each call has a time-out of its own, for everything together.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    get: (path, timeoutMs, traceparent) =>
      new Promise((resolve) => {
        const sent = traceparent === undefined ? headers : [...headers, 'traceparent', traceparent];
        const request = { path: prefix + path, method: 'GET', headers: sent, idempotent: false } as const;
        pool.dispatch(request, new Call(Math.max(Math.ceil(timeoutMs), 1), resolve));
      }),
    close: () => pool.destroy(),
  };
}

class Call extends TimedRequest<WechatAnswer> {
  readonly #chunks: Buffer[] = [];

  override onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  protected onAnswer(status: number): WechatAnswer {
    if (status !== 200) return { kind: 'unreachable', reason: `wechat_http_${status}` };
    return { kind: 'body', text: Buffer.concat(this.#chunks).toString('utf8') };
  }

  protected onTimeout(): WechatAnswer {
    return { kind: 'unreachable', reason: 'wechat_timeout' };
  }

  /** The error itself stays here: its message may quote the path, and with it secret and code. */
  protected onFailure(error: Error): WechatAnswer {
    const isTooLong = error instanceof errors.ResponseExceededMaxSizeError;
    return isTooLong ? { kind: 'invalid' } : { kind: 'unreachable', reason: 'wechat_network' };
  }
}
