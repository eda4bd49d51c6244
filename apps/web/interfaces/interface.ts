import type { createLoginFailureLog } from '../../../shared/log/login-failures.ts';
import type { Outcome } from '../../../shared/protocol/outcome.ts';
import type { Calls, CallName } from '../../../shared/rpc/contract.ts';
import type { CheckLog } from '../check-log.ts';
import type { CallOptions } from '../rpc/client.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import type { Caller } from '../../../shared/store/caller-store.ts';
import type { Span } from '../../../shared/tracing/span.ts';
import type { SessionCheck } from '../sessions/session-check.ts';
import type { WebMetrics } from '../metrics.ts';
import type { VisitCollector } from '../sessions/visit-collector.ts';

/** One interface of the protocol: from its parameters to its outcome. Expected failures are outcomes. */
export type Interface = (para: unknown, context: RequestContext) => Outcome | Promise<Outcome>;

export interface RequestContext {
  /** Follows the request into the worker's log. */
  readonly requestId: string;
  /**
   * The app that the request names, in `interface.appid` or `para.appid`, or that its caller's key is bound to; undefined if there is neither,
   * null if they contradict each other, `appNotNamed` if the key is bound to several apps and the request names none.
   */
  readonly requestedAppid: unknown;
  /** Whose key the request came with; undefined if it had none. */
  readonly caller: Pick<Caller, 'name' | 'keyHash'> | undefined;
  /** undefined: this request is not traced. */
  readonly span: Span | undefined;
}

/** What interfaces are made of. */
export interface InterfaceDeps {
  readonly apps: AppSettings;
  readonly sessions: SessionCheck;
  readonly visits: VisitCollector;
  readonly ask: Ask;
  readonly loginFailed: ReturnType<typeof createLoginFailureLog>;
  readonly metrics: Pick<WebMetrics, 'loggedIn' | 'checked' | 'admittedLogin'>;
  readonly checkLog: CheckLog;
  readonly login: { readonly deadlineMs: number; readonly requiresUserData: boolean };
}

/** How long an interface waits for a worker that has no WeChat to wait for; SDKs give up after 30 s. */
export const workerTimeoutMs = 5000;

/** Asks a worker. @throws {RpcError} */
export type Ask = <Name extends CallName>(
  name: Name,
  request: Calls[Name]['request'],
  options: CallOptions,
) => Promise<Calls[Name]['response']>;
