import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import type { CallContext } from '../rpc/server.ts';
import type { Said } from '../../../shared/wechat/errmsg.ts';
import type { CodeKey } from './code-ledger.ts';

/** One run of a log-in, from the request to the answer. */
export interface LoginRun {
  readonly request: LoginRequest;
  readonly code: CodeKey;
  readonly context: CallContext;
  readonly times: StageTimes;
  /** WeChat's own words, if it refused the code. */
  said?: Said | undefined;
}

/** Whole milliseconds of the stages that the log-in has come to, as fields of a log line. */
interface StageTimes {
  readonly queueMs: number | undefined;
  wechatMs: number | undefined;
  /** Of user data, if some were sent. */
  decryptMs?: number;
  writeMs: number | undefined;
}
