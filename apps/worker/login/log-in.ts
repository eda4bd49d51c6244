import type { LoginStage } from '../../../shared/metrics/login-stages.ts';
import { fail, type Failure, type Outcome } from '../../../shared/protocol/outcome.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { inSpan, ofMysql, ofRedis, type Span } from '../../../shared/tracing/span.ts';
import type { FindKind, Kind } from '../../../shared/wechat/kinds/kind.ts';
import { findApp } from '../jobs/app.ts';
import type { Eraser } from '../erasure/eraser.ts';
import type { Dropped } from '../rpc/server.ts';
import { UserErasedError } from '../store/session-inserts.ts';
import type { UserDataOpener, UserDataResult } from '../user-data-opener.ts';
import type { UserLimit } from '../user-limit.ts';
import { answerLogin } from './answer.ts';
import type { CodeLedger, CodeRecord } from './code-ledger.ts';
import type { ExchangeCode } from './exchange.ts';
import type { LoginRun } from './login-run.ts';
import type { LookedUp, WrittenSession } from './login-session.ts';
import {
  readLoginProfile,
  settleRefused,
  type AcceptedProfile,
  type LoginProfile,
  type RefusedProfile,
} from './read-profile.ts';
import type { SessionWriter } from './write-session.ts';

/** What the steps of a log-in are made of. */
export interface LoginParts {
  readonly apps: AppSettings<AppWithSecret>;
  readonly kindOf: FindKind;
  readonly ledger: CodeLedger;
  readonly exchangeCode: ExchangeCode;
  readonly sessions: SessionWriter;
  readonly userLimit: UserLimit;
  readonly eraser: Pick<Eraser, 'eraseIfOrdered'>;
  readonly userData: UserDataOpener;
  /** Seconds that a log-in spent in a stage. */
  readonly onSpent: (stage: LoginStage, seconds: number) => void;
}

type LoginApp = AppWithSecret & { readonly isDefault: boolean; readonly how: Kind };

/** What is known by the time the session is written. */
interface LoginFacts {
  readonly record: CodeRecord;
  readonly profile: AcceptedProfile;
  readonly fence: number;
  readonly hasRecord: boolean;
  readonly looked: LookedUp | undefined;
}

/** The steps of a log-in, from the app to the answer. What throws is a store that is down, or a bug. */
export function createLogIn(parts: LoginParts): (run: LoginRun) => Promise<Outcome | Dropped> {
  const { apps, kindOf, ledger, exchangeCode, sessions, userLimit, eraser, userData, onSpent } = parts;
  return logIn;

  async function logIn(run: LoginRun): Promise<Outcome | Dropped> {
    const { request, code, context } = run;
    const found = await findApp(apps, request.appid);
    if (found === undefined) return fail('noApp');
    if (found.secretFault !== undefined) return fail('sessionNotWritten', found.secretFault);
    const how = kindOf(found);
    if (how === undefined) return fail('sessionNotWritten', 'kind_unknown');
    const app = { how, ...found };

    const { span } = context;
    const claim = await inSpan(span, 'claim code', 'client', ofRedis, () => ledger.claimOrWait(code, context));
    if (claim.kind === 'over') return claim.outcome;
    const { fence } = claim;
    const hasRecord = claim.kind === 'recorded';

    const exchanged = hasRecord ? claim : await exchangeCode(run, app, fence);
    if (exchanged.kind === 'over') return exchanged.outcome;
    const { record } = exchanged;

    const decryptsFrom = performance.now();
    const decrypting = request.userData === undefined ? undefined : span?.begin('decrypt user data', 'internal');
    const first = readLoginProfile(request, record, app, userData.isSpent(app.appid, record.openId));
    decrypting?.end();
    if (request.userData !== undefined) {
      const spentMs = performance.now() - decryptsFrom;
      run.times.decryptMs = Math.round(spentMs * 10) / 10;
      onSpent('decrypt', spentMs / 1000);
    }
    if (first.result === 'not_decrypted') userData.noteFailedLogin(app.appid, record.openId);

    // While the answer is recorded the user's rows are read.
    const lookedFirst = hasRecord || !first.ok ? undefined : lookUp(app, record, first.toStore, span);
    // Another run took this one for dead and has the claim now: what it finds is what counts.
    const recordAnswer = () => ledger.record(code, fence, record);
    if (!hasRecord && !(await inSpan(span, 'record answer', 'client', ofRedis, recordAnswer))) return logIn(run);

    // Nothing leads to a session from here: the refusal stays in place of what WeChat said of the user, who may be erased meanwhile.
    const refuse = async (failure: Failure): Promise<Failure> => {
      await ledger.refuse(code, fence, failure);
      return failure;
    };
    if (!(await userLimit.allows(app.appid, record.openId))) return refuse(fail('sessionNotWritten', 'limited'));
    const { profile, looked } = first.ok
      ? { profile: first, looked: lookedFirst }
      : await readWithFormerKeys(request, app, record, first, span);
    if (first.result === 'not_decrypted' && profile.result !== first.result)
      userData.takeBackFailedLogin(app.appid, record.openId);
    if (profile.result !== undefined) await countUserData(app, record, profile.result);
    if (!profile.ok) return refuse(profile.failure);

    try {
      const written = await writeSession(run, app, { record, profile, fence, hasRecord, looked });
      if (written === undefined) return fail('noApp');
      // An order that came before this row, and after the log-in was made, found nothing to erase. A row that was there it has found.
      const isFirst = written.isNew || hasRecord;
      if (
        isFirst &&
        (await eraser.eraseIfOrdered({ appid: app.appid, openId: record.openId }, fence, written.profileFence))
      )
        throw new UserErasedError();
      return answerLogin(run, app, record, profile, written);
    } catch (error) {
      if (!(error instanceof UserErasedError)) throw error;
      // The record is of the user, too. Another code makes a new user.
      return refuse(fail('codeRefused', 'user_erased'));
    }
  }

  /** Data that the new key does not open may be of before this log-in. Whatever is wrong with them, the same is done. */
  async function readWithFormerKeys(
    request: LoginRequest,
    app: LoginApp,
    record: CodeRecord,
    refused: RefusedProfile,
    span: Span | undefined,
  ): Promise<{ readonly profile: LoginProfile; readonly looked: LookedUp | undefined }> {
    const { openId, sessionKey } = record;
    if (!refused.hasUserData || refused.result === 'too_many_failures')
      return { profile: settleRefused(refused, record, app), looked: undefined };
    const looked = lookUp(app, record, undefined, span);
    const login = { openId, sessionKey, limits: app, time: nowSeconds() };
    const formerKeys = await sessions.findFormerKeys(login, looked);
    const profile = readLoginProfile(request, { ...record, formerKeys }, app, false);
    return { profile: profile.ok ? profile : settleRefused(profile, record, app), looked };
  }

  function lookUp(
    { appid, isDefault }: LoginApp,
    { openId }: CodeRecord,
    toStore: AcceptedProfile['toStore'],
    span: Span | undefined,
  ): LookedUp {
    const look = () => sessions.look({ appid, openId, ownsUnmarked: isDefault, profile: toStore });
    const looked = inSpan(span, 'SELECT cSessionInfo', 'client', ofMysql, look);
    // Whether it failed matters when the session is written.
    looked.catch(() => undefined);
    return looked;
  }

  /** Failures are counted before they are answered, so that nobody is quicker than the count. */
  async function countUserData({ appid }: LoginApp, { openId }: CodeRecord, result: UserDataResult): Promise<void> {
    const counted = userData.tellLogin(appid, openId, result);
    if (result === 'not_decrypted') await counted;
  }

  /** @returns undefined if the app was removed meanwhile */
  async function writeSession(
    { request, context, times }: LoginRun,
    { appid, isDefault }: LoginApp,
    { record, profile, fence, hasRecord, looked }: LoginFacts,
  ): Promise<WrittenSession | undefined> {
    const startedAt = performance.now();
    // As it is now: while WeChat was asked somebody may have revoked the app's sessions.
    const app = await findApp(apps, appid);
    if (app === undefined) return undefined;
    const { openId, sessionKey, unionId, newId, skey } = record;
    const written = await sessions.write({
      appid: app.appid,
      ownsUnmarked: app.isDefault,
      maxSessions: app.maxSessions,
      isPerDevice: app.isPerDevice === true && app.keepsDevice === true,
      // As it keeps them now, whatever it did when the request came.
      device: app.keepsDevice === true ? request.device : undefined,
      clientIp: app.keepsClientIp === true ? request.clientIp : undefined,
      caller: request.caller,
      graceSeconds: app.graceSeconds,
      limits: app,
      openId,
      sessionKey,
      unionId,
      newId,
      skey,
      profile: profile.toStore,
      looked: app.isDefault === isDefault ? looked : undefined,
      fence,
      hasRecord,
      time: nowSeconds(),
      redisNowUs: context.redisNowUs,
      span: context.span,
    });
    times.writeMs = Math.round(performance.now() - startedAt);
    return written;
  }
}
