import { fail, type Failure, type Outcome } from '../protocol/outcome.ts';

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
}

export type CallName = keyof Calls;

/** Log-ins have queues of their own, because they wait for WeChat; everything else about sessions shares one. */
export type QueueName = 'login' | 'session';

export const queueOfCall: Readonly<Record<CallName, QueueName>> = {
  login: 'login',
  decrypt: 'session',
  logout: 'session',
  userInfo: 'session',
  phone: 'session',
  checkSession: 'session',
  resetKey: 'session',
};

export interface LoginRequest {
  readonly appid: string;
  readonly code: string;
  /** `encrypt_data` and `iv` as the client sent them, checked by nobody yet; undefined for a log-in with the code alone. */
  readonly userData?: { readonly encryptData: unknown; readonly iv?: unknown };
  /** Present if the client sent a signature, which then has to be right. */
  readonly signed?: SignedData;
}

/** `rawData` and `signature` as the client sent them, checked by nobody yet. */
export interface SignedData {
  readonly rawData: unknown;
  readonly signature: unknown;
}

/** A session that a front end has found valid for this skey. */
export interface SessionRequest {
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
interface PhoneRequest extends SessionRequest {
  /** As the client sent it. */
  readonly code?: unknown;
  readonly userData?: { readonly encryptData: unknown; readonly iv: unknown };
}

interface LogoutRequest {
  readonly row: number;
  readonly id: string;
  readonly skeyHash: string;
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

/** A request as it waits in Redis. The payload is sealed: a dump of Redis shows neither code nor user data. */
export interface SealedCall {
  readonly name: CallName;
  /** Names this request in its reply; random. */
  readonly id: string;
  /** The instance that waits for the reply. */
  readonly replyTo: string;
  /** Milliseconds since 1970 in Redis's clock. From then on nobody waits any more. */
  readonly deadline: number;
  /** The HTTP request's id, for the logs. */
  readonly requestId: string;
  readonly payload: string;
}

/** What a BullMQ job carries: requests that came in together share a job, because a queue's cost is per job. */
export interface CallJob {
  readonly calls: readonly SealedCall[];
}

export const maxCallsPerJob = 32;

/**
 * Prefix of everything that belongs to one queue: BullMQ's keys, replies, records of codes. The hash tag keeps a queue in one slot
 * of a Redis Cluster, as BullMQ needs it; each shard is a slot of its own.
 */
export function queueTag(queue: QueueName, shard: number): string {
  return `{wafer:${queue}:${shard}}`;
}

export function replyKey(queue: QueueName, shard: number, callId: string): string {
  return `${queueTag(queue, shard)}:reply:${callId}`;
}

/** The channel that wakes the instance which asked; nobody else listens there, so a reply costs the same however many ask. */
export function replyChannel(instance: string): string {
  return `wafer:reply:${instance}`;
}
