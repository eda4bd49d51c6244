import { setTimeout } from 'node:timers/promises';
import { codeRememberedMs, codeSharedMs } from '../code-times.ts';
import { codeFailurePurpose, codeRecordPurpose } from '../../../shared/rpc/ledger-keys.ts';
import { dropped, lockDurationMs, reserveMs, type Dropped } from '../rpc/server.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { defineKeyScript, defineScript } from '../../../shared/redis/script.ts';
import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { answerScript, askAgainScript, claimScript, releaseScript } from './code-ledger-scripts.ts';

/**
 * What became of each code, so that WeChat is asked once, and twice at most (docs/protocol.md#code). Before WeChat is asked the code is
 * claimed; WeChat's answer is recorded together with the id and skey that it leads to, before the session is written. A
 * log-in that runs again, after a crash or because somebody asks the same once more, goes on from what it finds here
 * and comes to the same answer.
 */
export interface CodeLedger {
  /** Claims the code, or waits for what another run that has claimed it comes to, as long as the caller waits. */
  claimOrWait(code: CodeKey, run: ClaimingRun): Promise<Claim>;
  /** Before WeChat is asked once more because it was busy. False: the claim is another's by now, or both tries are used up. */
  askAgain(code: CodeKey): Promise<boolean>;
  /** WeChat's answer is known. False: the claim is another's by now, and so is the log-in. */
  record(code: CodeKey, fence: number, record: CodeRecord): Promise<boolean>;
  /** WeChat's answer is a refusal, or there is none: it answers the same request from now on. */
  refuse(code: CodeKey, fence: number, failure: Failure): Promise<void>;
  /** WeChat was not asked after all: the next request with this code may ask. */
  release(code: CodeKey): Promise<void>;
}

interface ClaimingRun {
  /** The run before this one has died: its claim need not be waited for, unless it is too young to be that one's. */
  readonly isRestarted: boolean;
  /** The request was made by then, in microseconds of Redis's clock. */
  readonly madeByUs: number | undefined;
  /** Milliseconds until nobody waits for the answer any more. */
  remainingMs(): number;
}

/** A code and the request that brought it, by fingerprints. */
export interface CodeKey {
  readonly key: string;
  /** Of code, user data and caller together: the same code with other data, or through another caller, is refused. */
  readonly requestFingerprint: string;
  /** Names the run of this log-in; random. */
  readonly owner: string;
}

/** WeChat's answer, and the session that it leads to however often the write runs. */
export interface CodeRecord {
  /** Of records of earlier versions nobody knows. */
  readonly appid?: string;
  readonly openId: string;
  readonly sessionKey: string;
  readonly unionId?: string;
  readonly expiresIn?: number | string;
  /** The id of the session if the user is new. */
  readonly newId: string;
  readonly skey: string;
}

/** The fence is sealed with the rest: a later one would bring a session past a revocation, for good. */
interface SealedRecord extends CodeRecord {
  readonly fence?: number;
}

type Claim =
  /**
   * Ask WeChat. `fence` orders log-ins, in microseconds of Redis's clock: the time of the first claim, or of the request if it lay
   * about before that. So a log-in that a failed Redis brings back late never ends the session of its user's next one.
   */
  | { readonly kind: 'ask'; readonly fence: number }
  /** By another run, which may have gone on from there. */
  | { readonly kind: 'recorded'; readonly fence: number; readonly record: CodeRecord }
  /** There is no session to be had from this code, or nobody waits for it. */
  | { readonly kind: 'over'; readonly outcome: Failure | Dropped };

const maxAsks = 2;
/** How often a process looks whether another's exchange has an answer. */
const lookAgainMs = 50;

/** Known, with other user data, through another caller, or answered long ago. */
const codeUsed = over(fail('codeRefused', 'code_used'));
/** Two askers died without recording an answer, or one takes too long. */
const interrupted = over(fail('wechatUnreachable', 'exchange_interrupted'));

/** @param takeOverAfterMs WeChat's time-out: a claim without a record that is older has lost its owner */
export function createCodeLedger(client: RedisClient, seal: Seal, takeOverAfterMs: number): CodeLedger {
  const claim = defineKeyScript(client, 'waferClaimCodes', claimScript, [codeRememberedMs, codeSharedMs, maxAsks]);
  const askAgain = defineScript(client, 'waferAskAgain', askAgainScript);
  const release = defineScript(client, 'waferReleaseCode', releaseScript);
  const putAnswer = defineKeyScript(client, 'waferAnswerCodes', answerScript, [codeRememberedMs]);
  const answer = async ({ key, requestFingerprint, owner }: CodeKey, fence: number, value: string): Promise<boolean> =>
    (await putAnswer(key, [requestFingerprint, owner, fence, value])) === 1;
  const claimNow = async (
    { key, requestFingerprint, owner }: CodeKey,
    { isRestarted, madeByUs }: ClaimingRun,
  ): Promise<Claim | 'wait'> => {
    const patienceMs = isRestarted ? Math.min(lockDurationMs, takeOverAfterMs) : takeOverAfterMs;
    const [kind, found] = (await claim(key, [requestFingerprint, owner, patienceMs, madeByUs ?? ''])) as [
      'ask' | 'answered' | 'wait' | 'used' | 'interrupted',
      string,
    ];
    if (kind === 'ask') return { kind, fence: Number(found) };
    if (kind === 'wait') return kind;
    if (kind !== 'answered') return kind === 'interrupted' ? interrupted : codeUsed;
    const text = found.slice(1);
    if (found.startsWith('f')) return over(JSON.parse(seal.open(codeFailurePurpose(key), text)) as Failure);
    const { fence, ...record } = JSON.parse(seal.open(codeRecordPurpose(key), text)) as SealedRecord;
    // As older versions recorded it, with a fence that anybody may have written.
    return fence === undefined ? codeUsed : { kind: 'recorded', fence, record };
  };
  return {
    async claimOrWait(code, run) {
      for (;;) {
        if (run.remainingMs() <= 0) return over(dropped);
        const found = await claimNow(code, run);
        if (found !== 'wait') return found;
        if (run.remainingMs() < reserveMs) return interrupted;
        await setTimeout(lookAgainMs);
      }
    },
    askAgain: async ({ key, owner }) => (await askAgain([key], [owner, maxAsks])) === 1,
    record(code, fence, record) {
      const whole: SealedRecord = { fence, ...record };
      return answer(code, fence, `r${seal.seal(codeRecordPurpose(code.key), JSON.stringify(whole))}`);
    },
    async refuse(code, fence, failure) {
      await answer(code, fence, `f${seal.seal(codeFailurePurpose(code.key), JSON.stringify(failure))}`);
    },
    async release({ key, owner }) {
      await release([key], [owner]);
    },
  };
}

function over(outcome: Failure | Dropped): Claim {
  return { kind: 'over', outcome };
}
