import { Agent, fetch, type Response } from 'undici';
import type { Config } from '../../config/config.ts';
import { createHttpConnector } from '../../network/http-connector.ts';
import { patienceMs } from '../patience.ts';

/** An answer of WeChat has some hundred; an endless one must not fill the memory. */
const maxAnswerBytes = 10_000;

interface Answer {
  readonly kind: 'answer';
  readonly errcode: string | undefined;
  readonly errmsg: string;
  readonly durationMs: number;
}

export interface NoAnswer {
  readonly kind: 'none';
  readonly cause: 'wechat_silent' | 'wechat_down' | 'wechat_host' | 'wechat_reset' | 'wechat_tls' | 'wechat_garbage';
  /** In words, without anything of the query. */
  readonly reason: string;
}

/**
 * @param path of a call that answers errcode, or openid
 * @param query holds the secret: neither it nor an error that may quote it gets out of here
 */
export async function askWechat(
  { apiBase, timeoutMs }: Pick<Config['wechat'], 'apiBase' | 'timeoutMs'>,
  path: string,
  query: Record<string, string>,
): Promise<Answer | NoAnswer> {
  const limitMs = Math.min(timeoutMs, patienceMs);
  const signal = AbortSignal.timeout(limitMs);
  // Workers connect like this, too, and read no HTTPS_PROXY.
  const dispatcher = new Agent({ connect: createHttpConnector() });
  const askedAt = performance.now();
  try {
    const parameters = new URLSearchParams(query).toString();
    const response = await fetch(`${apiBase}${path}?${parameters}`, {
      signal,
      redirect: 'manual',
      dispatcher,
    });
    const text = await readStart(response);
    if (response.status !== 200) return garbage(`HTTP ${response.status}`);
    return readAnswer(text, performance.now() - askedAt);
  } catch (error) {
    if (signal.aborted) return { kind: 'none', cause: 'wechat_silent', reason: `nothing within ${limitMs} ms` };
    return describeError(error);
  } finally {
    void dispatcher.destroy().catch(() => undefined);
  }
}

async function readStart(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    length += (chunk as Uint8Array).length;
    if (length > maxAnswerBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxAnswerBytes);
}

/** Only the code of the error is told: its message may quote the address with the secret. */
function describeError(error: unknown): NoAnswer {
  const { cause } = error as { cause?: { code?: unknown } };
  const code = typeof cause?.code === 'string' ? cause.code : 'no connection';
  const isTls = /CERT|SIGNATURE|ISSUER|^ERR_(TLS|SSL)|^EPROTO$/.test(code);
  return { kind: 'none', cause: isTls ? 'wechat_tls' : (causesByCode[code] ?? 'wechat_reset'), reason: code };
}

const causesByCode: Readonly<Record<string, NoAnswer['cause']>> = {
  ECONNREFUSED: 'wechat_down',
  ENOTFOUND: 'wechat_host',
  EAI_AGAIN: 'wechat_host',
  ETIMEDOUT: 'wechat_silent',
  UND_ERR_CONNECT_TIMEOUT: 'wechat_silent',
  EHOSTUNREACH: 'wechat_silent',
  ENETUNREACH: 'wechat_silent',
  HPE_INVALID_CONSTANT: 'wechat_garbage',
};

const garbage = (reason: string): NoAnswer => ({ kind: 'none', cause: 'wechat_garbage', reason });

function readAnswer(text: string, durationMs: number): Answer | NoAnswer {
  try {
    const { errcode, errmsg, openid } = JSON.parse(text) as Record<string, unknown>;
    if (errcode === undefined && openid === undefined) return garbage('an answer without errcode');
    return {
      kind: 'answer',
      errcode: errcode === undefined ? undefined : readErrcode(errcode),
      errmsg: typeof errmsg === 'string' ? errmsg : '',
      durationMs,
    };
  } catch {
    return garbage('an answer that is no JSON');
  }
}

function readErrcode(errcode: unknown): string {
  const text = typeof errcode === 'number' ? String(errcode) : errcode;
  return typeof text === 'string' && /^-?\d{1,10}$/.test(text) ? text : 'unknown';
}
