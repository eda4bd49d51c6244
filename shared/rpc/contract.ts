import { fail, type Failure, type Outcome } from '../protocol/outcome.ts';
import type { Device } from '../session/device.ts';

/**
 * Every request/response job between front ends and workers: its name, what is asked, what is answered. Both sides import this
 * file and nothing else of each other. Jobs are in flight while versions change, so a new field has to be optional.
 */
export interface Calls {
  login: { request: LoginRequest; response: Outcome };
  decrypt: { request: DecryptRequest; response: Outcome };
  logout: { request: LogoutRequest; response: Outcome };
  userInfo: { request: UserInfoRequest; response: Outcome };
  phone: { request: PhoneRequest; response: Outcome };
  checkSession: { request: SessionRequest; response: Outcome };
  resetKey: { request: SessionRequest; response: Outcome };
  sign: { request: SignRequest; response: Outcome };
  encryptKey: { request: SessionRequest; response: Outcome };
  token: { request: TokenRequest; response: Outcome };
  forget: { request: SessionRequest; response: Outcome };
  wechatEvent: { request: WechatEventRequest; response: Outcome };
}

export type CallName = keyof Calls;

/** Log-ins have queues of their own, because all of them wait for WeChat; every other call shares one, whatever it is about. */
export type QueueName = 'login' | 'session';

export const queueOfCall: Readonly<Record<CallName, QueueName>> = {
  login: 'login',
  decrypt: 'session',
  logout: 'session',
  userInfo: 'session',
  phone: 'session',
  checkSession: 'session',
  resetKey: 'session',
  sign: 'session',
  encryptKey: 'session',
  token: 'session',
  forget: 'session',
  wechatEvent: 'session',
};

/** The caller whose key a request came with, if it had one. */
export interface FromCaller {
  readonly caller?: string;
  /**
   * SHA-256 of its key. What a code brought is for this key alone: the name may be another's by now. Front ends of older versions send the
   * name alone.
   */
  readonly callerKey?: string;
}

export interface LoginRequest extends FromCaller {
  readonly appid: string;
  readonly code: string;
  /** `encrypt_data` and `iv` as the client sent them, checked by nobody yet; undefined for a log-in with the code alone. */
  readonly userData?: { readonly encryptData: unknown; readonly iv?: unknown };
  /** Present if the client sent a signature, which then has to be right. */
  readonly signed?: SignedData;
  /** What is to be kept of the device, if the app keeps it. */
  readonly device?: Device;
  readonly clientIp?: string;
}

/** `rawData` and `signature` as the client sent them, checked by nobody yet. */
export interface SignedData {
  readonly rawData: unknown;
  readonly signature: unknown;
}

/** A session that a front end has found valid for this skey. */
export interface SessionRequest extends FromCaller {
  /** Primary key of its row. */
  readonly row: number;
  readonly skeyHash: string;
  /** The session's app. */
  readonly appid: string;
}

/** If there is an `iv`, the watermark has to be the app's. */
interface DecryptRequest extends SessionRequest {
  readonly encryptData: unknown;
  readonly iv?: unknown;
}

interface UserInfoRequest extends SessionRequest {
  /** The session's id on the wire. */
  readonly id: string;
  readonly encryptData: unknown;
  readonly iv: unknown;
  readonly signed?: SignedData;
}

/** With the code of a button, or with what older clients got from it. */
export interface PhoneRequest extends SessionRequest {
  /** As the client sent it. */
  readonly code?: unknown;
  readonly userData?: { readonly encryptData: unknown; readonly iv: unknown };
}

interface SignRequest extends SessionRequest {
  /** As the caller sent it. */
  readonly data: unknown;
}

/** For an access token, by a caller who may have it; undefined fields are those of the headers in shared/protocol/token-service.ts. */
interface TokenRequest {
  readonly appid: string;
  readonly caller: string;
  readonly via?: readonly string[];
  readonly refused?: string;
}

interface LogoutRequest {
  readonly row: number;
  readonly id: string;
  readonly skeyHash: string;
  /** The session's app. Front ends of older versions do not say it. */
  readonly appid?: string;
}

/** What WeChat has told the app of a user, as far as something of it is kept. */
interface WechatEventRequest {
  readonly appid: string;
  readonly openId: string;
  /** As WeChat spells it. */
  readonly event: string;
  /** What is to go. */
  readonly part: 'everything' | 'profile' | 'phone';
  /** The name of the caller who passed it on. */
  readonly caller: string;
}

/** What a worker adds to its answer, so that front ends know how long calls lie in the queue. */
export interface AnswerTiming {
  /** Milliseconds that were left until the deadline when the worker began. */
  readonly leftMs?: number;
}

/** A worker's answer to a log-in that can't be done in the time that is left; WeChat has not been asked then. */
export const tooLate: Failure = fail('sessionNotWritten', 'overloaded');

export function isTooLate(answer: Outcome): boolean {
  return !answer.ok && answer.reason === tooLate.reason;
}

/** A request on its way to a worker. */
export interface Call<Name extends CallName = CallName> {
  readonly name: Name;
  /** Names this request among those of its instance. */
  readonly id: number;
  /** Milliseconds since 1970 in Redis's clock. From then on nobody waits any more. */
  readonly deadline: number;
  /**
   * Microseconds since 1970 in Redis's clock: the call was made by then. A call that was told to have failed may run all the same,
   * much later; by this it still goes before what its user has done since.
   */
  readonly madeByUs?: number;
  /** The HTTP request's id, for the logs. */
  readonly requestId: string;
  /** Of the span that waits for the answer, if the request is traced (shared/tracing/traceparent.ts). Front ends of older versions never send it. */
  readonly traceparent?: string | undefined;
  readonly request: Calls[Name]['request'];
}

/** What a BullMQ job carries: requests that came in together share a job, because a queue's cost is per job. */
export interface CallJob {
  /** The instance that waits for the replies. */
  readonly replyTo: string;
  /** A list of {@link Call}s, sealed: a dump of Redis shows neither code nor user data. */
  readonly calls: string;
}

/** The answer to the request of this id. A message holds a list of them, sealed: answers that are ready together share it. */
export type Reply = readonly [id: number, response: Calls[CallName]['response'] & AnswerTiming];

export const maxCallsPerJob = 32;

/**
 * Prefix of everything that belongs to one queue: BullMQ's keys, records of codes. The hash tag keeps a queue in one slot
 * of a Redis Cluster, as BullMQ needs it; each shard is a slot of its own.
 */
export function queueTag(queue: QueueName, shard: number): string {
  return `{wafer:${queue}:${shard}}`;
}

/**
 * The stream of the replies to one instance. Nobody else reads it, so a reply costs the same however many ask; and what could not
 * be read for a while is still there.
 */
export function repliesKey(instance: string): string {
  return `wafer:replies:${instance}`;
}

/**
 * What calls and replies are sealed for. Calls are bound to their job: what a stranger adds to the queue once more, as another job, does
 * not open (docs/adr/0026-a-call-runs-once.md). As JSON, so that no other pair makes the same text.
 */
export const callsPurpose = (instance: string, jobId: string) => `calls ${JSON.stringify([instance, jobId])}`;
export const repliesPurpose = (instance: string) => `replies ${instance}`;
