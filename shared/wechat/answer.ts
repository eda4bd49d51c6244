import { fail, type Failure } from '../protocol/outcome.ts';
import { readErrmsg, type Said } from './errmsg.ts';
import { parsePhpJsonText } from '../protocol/php-json.ts';

/** What came back from WeChat, before anybody has read it. */
export type WechatAnswer =
  | { readonly kind: 'body'; readonly text: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'invalid' };

/** An errcode: WeChat has not done what it was asked. -1 means busy. */
export interface Refused {
  readonly kind: 'refused';
  readonly errcode: string;
  /** In the place of the errcode, where that alone does not say it. */
  readonly reason?: string;
  /** WeChat's own words, for logs. */
  readonly said?: Said;
}

/** Why a call to WeChat came to nothing. */
export type WechatFailure =
  | Refused
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** The answer makes no sense. */
  | { readonly kind: 'invalid' };

export type WechatResult<Value> = { readonly kind: 'ok'; readonly value: Value } | WechatFailure;

/** Errcodes that are told apart by a word. */
const reasons: Readonly<Record<string, string>> = { '61003': 'component_not_authorized' };

/** The token is not known (any more), or has ended: nothing has been done. */
const tokenErrcodes = new Set(['40001', '40014', '42001']);

export function isTokenRefused(answer: { readonly kind: string }): boolean {
  return answer.kind === 'refused' && tokenErrcodes.has((answer as Refused).errcode);
}

/** @param errcode of an answer that did not do what was asked */
export function refuse(errcode: string, errmsg: unknown): Refused {
  const said = readErrmsg(errmsg);
  return { kind: 'refused', errcode, ...(said === undefined ? {} : { said }) };
}

/** The failure of a call as an answer of the protocol: 40029, 1005 or 1007. */
export function toFailure(failure: WechatFailure): Failure {
  if (failure.kind === 'refused')
    return fail('codeRefused', failure.reason ?? reasons[failure.errcode] ?? `wechat:${failure.errcode}`);
  if (failure.kind === 'unreachable') return fail('wechatUnreachable', failure.reason);
  return fail('wechatAnswerInvalid', 'wechat_answer_invalid');
}

/** The fields of an answer whose errcode is absent or 0; WeChat sends JSON as text/plain. */
export function readFields(answer: WechatAnswer): WechatResult<Readonly<Record<string, unknown>>> {
  if (answer.kind !== 'body') return answer;
  if (answer.text === '') return { kind: 'unreachable', reason: 'wechat_empty' };
  const fields = parseObject(answer.text);
  if (fields === undefined) return { kind: 'invalid' };
  const errcode = readErrcode(fields['errcode'] ?? 0);
  return errcode === '0' ? { kind: 'ok', value: fields } : refuse(errcode, fields['errmsg']);
}

/** An errcode as one token for headers and metrics. */
export function readErrcode(errcode: unknown): string {
  // Only what has a text of its own: an object of WeChat's JSON can have a `toString` that is no function.
  const text = typeof errcode === 'number' || typeof errcode === 'string' ? String(errcode) : '';
  return /^-?\d{1,10}$/.test(text) ? text : 'unknown';
}

/** As strictly as the requests of clients: what comes through goes on to the database, to WeChat and to clients. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parsePhpJsonText(text)?.value;
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Parameters ready for a URL. */
export function toQuery(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
}
