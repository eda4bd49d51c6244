import { setTimeout } from 'node:timers/promises';
import type { Failure } from '../../../shared/protocol/outcome.ts';
import { tooLate } from '../../../shared/rpc/contract.ts';
import { createCredential } from '../../../shared/session/skey.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { toFailure } from '../../../shared/wechat/answer.ts';
import { isShed } from '../wechat/breakers.ts';
import type { Exchange } from '../../../shared/wechat/code2session.ts';
import type { Kind } from '../../../shared/wechat/kinds/kind.ts';
import { reserveMs } from '../rpc/server.ts';
import type { CodeLedger, CodeRecord } from './code-ledger.ts';
import { createContinueTogether } from './continue-together.ts';
import type { LoginRun } from './login-run.ts';
import { createTimeLeft } from './time-left.ts';

/** What WeChat's answer leads to, not recorded yet; or the failure, which the ledger knows already. */
type Exchanged =
  | { readonly kind: 'exchanged'; readonly record: CodeRecord }
  | { readonly kind: 'over'; readonly outcome: Failure };

/** @param fence of the claim on the code, which this run must hold */
export type ExchangeCode = (run: LoginRun, app: LoginApp, fence: number) => Promise<Exchanged>;

interface LoginApp extends AppWithSecret {
  readonly how: Kind;
}

/** Little beside WeChat's own time, and enough for most of a job whose calls left together. */
const togetherMs = 3;
const busyPauseMs = 80;
/** WeChat is busy; the code is not spent. */
const busy = '-1';

/** Asks WeChat for the session of a code. A code that WeChat is not asked about after all stays good for another try. */
export function createExchangeCode({
  ledger,
  wechatTimeoutMs,
}: {
  readonly ledger: CodeLedger;
  readonly wechatTimeoutMs: number;
}): ExchangeCode {
  const timeLeft = createTimeLeft(reserveMs, wechatTimeoutMs / 2);
  const continueTogether = createContinueTogether(togetherMs);

  const askWechat = async ({ request, context, times }: LoginRun, app: LoginApp): Promise<Exchange> => {
    const { code, caller } = request;
    const timeoutMs = Math.max(Math.min(wechatTimeoutMs, context.remainingMs() - reserveMs), 1);
    const startedAt = performance.now();
    const answer = await continueTogether(context.job, () =>
      app.how.exchange({ app, code, caller, timeoutMs, context }),
    );
    times.wechatMs = (times.wechatMs ?? 0) + Math.round(performance.now() - startedAt);
    return answer;
  };

  const askAgain = async (run: LoginRun, app: LoginApp): Promise<Exchange> => {
    await setTimeout(busyPauseMs * (0.5 + Math.random()));
    return askWechat(run, app);
  };

  const giveBack = async ({ code }: LoginRun, failure: Failure): Promise<Exchanged> => {
    await ledger.release(code);
    return { kind: 'over', outcome: failure };
  };

  return async (run, app, fence) => {
    if (!timeLeft.isEnough(run.context.remainingMs())) return giveBack(run, tooLate);
    const startedAt = performance.now();
    const first = await askWechat(run, app);
    const answer = isBusy(first) && (await ledger.askAgain(run.code)) ? await askAgain(run, app) : first;
    if (answer.kind === 'unreachable' && isShed(answer)) return giveBack(run, toFailure(answer));
    if (answer.kind === 'unasked') return giveBack(run, toFailure(answer.failure));
    timeLeft.note(performance.now() - startedAt);
    if (answer.kind === 'session') return { kind: 'exchanged', record: toRecord(app.appid, answer) };
    const failure = toFailure(answer);
    if (answer.kind === 'refused') run.said = answer.said;
    await ledger.refuse(run.code, fence, failure);
    return { kind: 'over', outcome: failure };
  };
}

function isBusy(answer: Exchange): boolean {
  return answer.kind === 'refused' && answer.errcode === busy;
}

function toRecord(
  appid: string,
  { openId, sessionKey, unionId, expiresIn }: Extract<Exchange, { kind: 'session' }>,
): CodeRecord {
  return {
    appid,
    openId,
    sessionKey,
    ...(unionId === undefined ? {} : { unionId }),
    ...(expiresIn === undefined ? {} : { expiresIn }),
    newId: createCredential(),
    skey: createCredential(),
  };
}
