import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Outcome } from '../../../shared/protocol/outcome.ts';
import { createAdmission, type Admission } from '../rpc/admission.ts';
import { RpcError } from '../rpc/client.ts';
import {
  isTooLate,
  queueOfCall,
  type AnswerTiming,
  type CallName,
  type QueueName,
} from '../../../shared/rpc/contract.ts';
import { inSpan } from '../../../shared/tracing/span.ts';
import { workerTimeoutMs, type Ask } from './interface.ts';

export interface AdmittedAsk {
  /** @throws {RpcError} at once, `overloaded` or `limited`, if the call is not let in */
  readonly ask: Ask;
  /** Calls that may wait at present. */
  limit(queue: QueueName): number;
}

export interface AskLimits {
  readonly loginDeadlineMs: number;
  /** Log-ins of one app, through one caller's key or without any, in ten seconds; 0: any number. */
  readonly loginsPerApp: number;
}

/** A call may lie in the queue for this share of the time that its caller waits: the rest is for the call itself, and for bad guesses. */
const queuedShare = 0.25;
/** Left for the answer's way back. */
const answerWayMs = 300;
const limitSeconds = 10;
/**
 * In the session queue, for calls that wait for WeChat: while it is slow they would hold every place, and log-outs and what else needs the
 * stores alone would be refused.
 */
const shareOfWechat = 0.75;
const asksWechat: Readonly<Record<CallName, boolean>> = {
  // It does, as all calls of its queue: there is nothing to keep places for.
  login: false,
  decrypt: false,
  logout: false,
  userInfo: false,
  phone: true,
  checkSession: true,
  resetKey: true,
  sign: false,
  encryptKey: true,
  token: true,
  forget: false,
  wechatEvent: false,
};
/** Made once: in a flood the stack of each would cost more than anything else that a refusal does. */
const refusals = { overloaded: new RpcError('overloaded'), limited: new RpcError('limited') };

/**
 * Stands before all questions to workers and lets in what can be answered in time. Each queue has its own admission, so a flood of
 * log-ins does not keep out a log-out; and no app gets all the places.
 */
export function createAdmittedAsk(
  ask: Ask,
  { loginDeadlineMs, loginsPerApp }: AskLimits,
  onRefused: (queue: QueueName, reason: RpcError['reason']) => void,
): AdmittedAsk {
  const admissions: Readonly<Record<QueueName, Admission>> = {
    login: admissionFor(loginDeadlineMs),
    session: admissionFor(workerTimeoutMs),
  };
  const appLimit =
    loginsPerApp === 0 ? undefined : new RateLimiterMemory({ points: loginsPerApp, duration: limitSeconds });

  const refuse = (queue: QueueName, reason: keyof typeof refusals): never => {
    onRefused(queue, reason);
    throw refusals[reason];
  };
  const isWithinAppLimit = async (name: CallName, appid: string, caller: string | undefined): Promise<boolean> =>
    name !== 'login' ||
    appLimit === undefined ||
    appLimit.consume(caller === undefined ? appid : `${appid}\0${caller}`).then(
      () => true,
      () => false,
    );

  const askInSpan: Ask = (name, request, options) => {
    if (options.span === undefined) return ask(name, request, options);
    const to = { 'messaging.system': 'bullmq', 'messaging.destination.name': queueOfCall[name] } as const;
    return inSpan(options.span, `ask ${name}`, 'client', to, (span) => ask(name, request, { ...options, span }));
  };

  return {
    limit: (queue) => admissions[queue].limit(),
    async ask(name, request, options) {
      const queue = queueOfCall[name];
      const appid = 'appid' in request ? request.appid : '';
      const caller = 'caller' in request ? request.caller : undefined;
      if (!(await isWithinAppLimit(name, appid, caller))) return refuse(queue, 'limited');
      const place =
        (asksWechat[name]
          ? admissions[queue].enter(`${appid}\0wechat`, shareOfWechat)
          : admissions[queue].enter(appid)) ?? refuse(queue, 'overloaded');
      try {
        const { leftMs, ...outcome }: Outcome & AnswerTiming = await askInSpan(name, request, options);
        if (isTooLate(outcome)) place.answeredLate();
        else place.answered(leftMs === undefined ? undefined : Math.max(options.timeoutMs - leftMs, 0));
        return outcome;
      } catch (error) {
        if (error instanceof RpcError && error.reason === 'deadline') place.unanswered();
        else place.left();
        throw error;
      }
    },
  };
}

function admissionFor(deadlineMs: number): Admission {
  return createAdmission({ maxQueuedMs: deadlineMs * queuedShare, maxTotalMs: deadlineMs - answerWayMs });
}
