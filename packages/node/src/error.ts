const sessionInvalid = 60012;
const codeRefused = 40029;
const decryptFailed = 60021;
/** MYSQL_ERR, WEIXIN_NET_ERR, CHANGE_SESSION_ERR, WEIXIN_RETURN_ERR: they say nothing about the session. */
const passing: ReadonlySet<number> = new Set([1001, 1005, 1006, 1007]);

export interface FailureFacts {
  /** returnCode of the protocol; undefined if there was no such answer. */
  readonly code?: number | undefined;
  /** HTTP status; undefined if there was no answer at all. */
  readonly status?: number | undefined;
  /** X-Wafer-Reason; of this side `deadline`, `network`, `answer_invalid`, `no_session`, `no_code`. */
  readonly reason?: string | undefined;
}

/** Why a call failed. Its message holds nothing of the user and nothing of the address, which may hold a key. */
export class WaferSessionError extends Error {
  override readonly name = 'WaferSessionError';
  readonly code: number | undefined;
  readonly status: number | undefined;
  readonly reason: string | undefined;

  constructor(message: string, { code, status, reason }: FailureFacts, options?: ErrorOptions) {
    super(reason === undefined ? message : `${message} (${reason})`, options);
    this.code = code;
    this.status = status;
    this.reason = reason;
  }

  /** The session is not valid, and nothing else: the user has to log in again. A failure of a store never says this. */
  get isSessionInvalid(): boolean {
    return this.code === sessionInvalid;
  }

  /** What the user sent is no good: a code that WeChat refuses or that was used, or data that do not decrypt. */
  get isLoginRefused(): boolean {
    return this.code === codeRefused || this.code === decryptFailed;
  }

  /**
   * Nobody knows whether the session is valid, or the log-in could not be done now: answer 503, and let the client keep
   * its session. A check may be repeated at once; a log-in only as it was and within 15 s, since its code works once.
   */
  get isRetryable(): boolean {
    if (this.code !== undefined) return passing.has(this.code);
    return this.status === undefined || this.status === 200 || this.status === 408 || this.status >= 500;
  }
}

export function noSession(): WaferSessionError {
  return new WaferSessionError('AUTH_FAIL', { code: sessionInvalid, reason: 'no_session' });
}

export function noCode(): WaferSessionError {
  return new WaferSessionError('WEIXIN_CODE_ERR', { code: codeRefused, reason: 'no_code' });
}
