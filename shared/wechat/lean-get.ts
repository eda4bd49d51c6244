import { errors, Pool, type Dispatcher } from 'undici';
import { createHttpConnector } from '../network/http-connector.ts';
import { setPatientTimeout } from '../async/patience.ts';
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
        pool.dispatch(request, new Call(timeoutMs, resolve));
      }),
    close: () => pool.destroy(),
  };
}

/** One call, from the wait for a connection to the end of its answer. */
class Call implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: WechatAnswer) => void;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #hasEnded = false;
  #status = 0;
  readonly #chunks: Buffer[] = [];

  constructor(timeoutMs: number, resolve: (answer: WechatAnswer) => void) {
    this.#resolve = resolve;
    this.#timer = setPatientTimeout(() => this.#giveUp(), Math.max(Math.ceil(timeoutMs), 1));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It waited for a connection until nobody waited for it: now it must not be sent any more.
    if (this.#hasEnded) controller.abort(new Error('too late'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#end(
      this.#status === 200
        ? { kind: 'body', text: Buffer.concat(this.#chunks).toString('utf8') }
        : { kind: 'unreachable', reason: `wechat_http_${this.#status}` },
    );
  }

  /** The error itself stays here: its message may quote the path, and with it secret and code. */
  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const isTooLong = error instanceof errors.ResponseExceededMaxSizeError;
    this.#end(isTooLong ? { kind: 'invalid' } : { kind: 'unreachable', reason: 'wechat_network' });
  }

  #giveUp(): void {
    if (this.#hasEnded) return;
    this.#end({ kind: 'unreachable', reason: 'wechat_timeout' });
    this.#controller?.abort(new Error('too late'));
  }

  #end(answer: WechatAnswer): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#resolve(answer);
  }
}
