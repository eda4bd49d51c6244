import type { FailureName, SuccessMessage } from './return-codes.ts';

/** What an interface came to. A failure of the protocol is a value, never an exception: only bugs throw. */
export type Outcome = Success | Failure;

export interface Success {
  readonly ok: true;
  readonly message: SuccessMessage;
  /** `returnData` as ASCII JSON text, ready for the wire. Text, because an object would lose number spelling and key order. */
  readonly dataJson: string;
  /** As of a {@link Failure}: what operators may want to know of a request that succeeded. */
  readonly reason?: string;
}

export interface Failure {
  readonly ok: false;
  readonly failure: FailureName;
  /** One short token for the response header `X-Wafer-Reason`, see {@link toReasonToken}; for operators, and why a session ended. */
  readonly reason?: string;
}

export function succeed(message: SuccessMessage, dataJson: string, reason?: string): Success {
  return reason === undefined ? { ok: true, message, dataJson } : { ok: true, message, dataJson, reason };
}

export function fail(failure: FailureName, reason?: string): Failure {
  return reason === undefined ? { ok: false, failure } : { ok: false, failure, reason };
}

const reasonToken = /^[a-z0-9_:-]{1,64}$/;

/**
 * A reason as it may stand in a header, whatever it came from: some are made of what WeChat said, or come from a worker through Redis.
 * To be called where the header is written.
 */
export function toReasonToken(reason: string): string {
  return reasonToken.test(reason) ? reason : 'unknown';
}
