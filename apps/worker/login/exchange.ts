import { setTimeout } from 'node:timers/promises';
import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { dropped, type CallContext, type Dropped } from '../../../shared/rpc/server.ts';
import { createCredential } from '../../../shared/session/skey.ts';
import { tooLate } from '../../../shared/rpc/contract.ts';
import { toFailure } from '../wechat/answer.ts';
import { isShed } from '../wechat/breakers.ts';
import type { Exchange } from '../wechat/code2session.ts';
import type { CodeKey, CodeLedger, CodeRecord } from './code-ledger.ts';
import type { TimeLeft } from './time-left.ts';

/** What the exchange of a code came to: a record to write a session from, or the answer right away. */
export type ExchangeResult =
  /** `isRepeat`: another run recorded it, and may have gone on from there. */
  | { readonly kind: 'recorded'; readonly record: CodeRecord; readonly fence: number; readonly isRepeat: boolean }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | Dropped;

/** How often a process looks whether another's exchange has an answer. */
const lookAgainMs = 50;
/** Time that a log-in needs after WeChat's answer: the write, the reply. */
export const reserveMs = 300;
const busyPauseMs = 80;

const interrupted = fail('wechatUnreachable', 'exchange_interrupted');

/**
 * Exchanges a code once, however many runs and processes have it in hand (docs/protocol.md#code).
 * @param ask code2Session; the argument is its time-out in milliseconds
 */
export async function exchangeOnce(
  ledger: CodeLedger,
  code: CodeKey,
  ask: (timeoutMs: number) => Promise<Exchange>,
  context: CallContext,
  wechatTimeoutMs: number,
  timeLeft: TimeLeft,
): Promise<ExchangeResult> {
  const askWithin = () => ask(Math.max(Math.min(wechatTimeoutMs, context.remainingMs() - reserveMs), 1));
  for (;;) {
    if (context.remainingMs() <= 0) return dropped;
    const claim = await ledger.claim(code, { ownerIsDead: context.isRepeated, madeByUs: context.madeByUs });
    if (claim.kind === 'recorded') return { isRepeat: true, ...claim };
    if (claim.kind === 'refused') return { kind: 'failed', failure: claim.failure };
    if (claim.kind === 'other-request') return { kind: 'failed', failure: fail('codeRefused', 'code_used') };
    if (claim.kind === 'interrupted') return { kind: 'failed', failure: interrupted };
    if (claim.kind === 'wait') {
      if (context.remainingMs() < reserveMs) return { kind: 'failed', failure: interrupted };
      await setTimeout(lookAgainMs);
      continue;
    }
    // From here on the code is this run's; if WeChat is not asked after all, it must stay good for another try.
    const giveBack = async (failure: Failure): Promise<ExchangeResult> => {
      await ledger.release(code);
      return { kind: 'failed', failure };
    };
    if (!timeLeft.isEnough(context.remainingMs())) return giveBack(tooLate);
    const startedAt = performance.now();
    let exchange = await askWithin();
    if (exchange.kind === 'refused' && exchange.errcode === '-1' && (await ledger.askAgain(code))) {
      await setTimeout(busyPauseMs * (0.5 + Math.random()));
      exchange = await askWithin();
    }
    if (isShed(exchange) && exchange.kind === 'unreachable') return giveBack(toFailure(exchange));
    timeLeft.note(performance.now() - startedAt);
    if (exchange.kind !== 'session') {
      const failure = toFailure(exchange);
      await ledger.refuse(code, claim.fence, failure);
      return { kind: 'failed', failure };
    }
    const { openId, sessionKey, unionId, expiresIn } = exchange;
    const record: CodeRecord = {
      openId,
      sessionKey,
      ...(unionId === undefined ? {} : { unionId }),
      ...(expiresIn === undefined ? {} : { expiresIn }),
      newId: createCredential(),
      skey: createCredential(),
    };
    if (await ledger.record(code, claim.fence, record))
      return { kind: 'recorded', record, fence: claim.fence, isRepeat: false };
    // Somebody took this process for dead and has the claim now: what it finds is what counts.
  }
}
