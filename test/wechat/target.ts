import { createHmac } from 'node:crypto';

/** A WeChat, real or simulated, with an app of it and what earlier calls of a run brought to light. */
export interface Target {
  readonly apiBase: string;
  /** The mini program's; of kind wecom the company's corpid. */
  readonly appid: string;
  /** What proves who asks: the secret of the mini program or of the company's app, or the component_access_token of a platform. */
  readonly secret: string;
  /** The platform's appid, of kind component. */
  readonly componentAppid: string | undefined;
  /** Fresh, from wx.login, or wx.qy.login in WeCom. */
  readonly code: string;
  /** Fresh, from the phone number button. */
  readonly phoneCode: string | undefined;
  /** Where an access token comes from, to be said when there is none. */
  readonly accessTokenFrom: string;
  /** From the answers so far; of kind component the access token is there from the start, if there is one at all. */
  readonly known: { openid?: string; sessionKey?: string; oldSessionKey?: string; accessToken?: string };
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** WeChat did not answer at all. The message is fit to be shown: no URL, since that holds secrets. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError';
}

const timeoutMs = 15_000;

/** How a call is made; without `json` it has no body. */
export interface How {
  readonly method: 'GET' | 'POST';
  readonly json?: object;
}

/** One call to WeChat, as the worker makes it: a POST if there is something to post. @throws {NoAnswerError} */
export function send(
  target: Pick<Target, 'apiBase'>,
  path: string,
  query: Readonly<Record<string, string>>,
  json?: object,
): Promise<Reply> {
  return sendBy(target, path, query, json === undefined ? { method: 'GET' } : { method: 'POST', json });
}

/** @throws {NoAnswerError} */
export async function sendBy(
  { apiBase }: Pick<Target, 'apiBase'>,
  path: string,
  query: Readonly<Record<string, string>>,
  { method, json }: How,
): Promise<Reply> {
  const url = `${apiBase}${path}?${new URLSearchParams(query).toString()}`;
  const signal = AbortSignal.timeout(timeoutMs);
  const body = json && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(json) };
  try {
    const response = await fetch(url, { method, ...body, signal, redirect: 'manual' });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    const { code = 'network error' } = (error as { cause?: { code?: string } }).cause ?? {};
    throw new NoAnswerError(signal.aborted ? `no answer within ${timeoutMs / 1000} s` : `no answer (${code})`);
  }
}

/** The fields of an answer; none if it is no JSON object. */
export function fieldsOf({ body }: Reply): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What proves to WeChat that one has a user's session_key: an HMAC of nothing, made with it. */
export function signWith(sessionKey: string): { signature: string; sig_method: string } {
  return { signature: createHmac('sha256', sessionKey).update('').digest('hex'), sig_method: 'hmac_sha256' };
}
