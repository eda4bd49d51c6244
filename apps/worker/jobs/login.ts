import { createInFlight } from '../../../shared/async/in-flight.ts';
import { describeError } from '../../../shared/log/log.ts';
import type { createLoginFailureLog } from '../../../shared/log/login-failures.ts';
import { fail, type Outcome } from '../../../shared/protocol/outcome.ts';
import { takeRandomBytes } from '../../../shared/keys/random.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { codeKeyOf } from '../../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import { dropped, type CallContext, type CallHandler, type Dropped } from '../rpc/server.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { answerLogin } from '../login/answer.ts';
import type { CodeKey, CodeLedger, CodeRecord } from '../login/code-ledger.ts';
import type { ExchangeCode } from '../login/exchange.ts';
import type { LoginRun } from '../login/login-run.ts';
import {
  readLoginProfile,
  settleRefused,
  type AcceptedProfile,
  type LoginProfile,
  type RefusedProfile,
} from '../login/read-profile.ts';
import type { UserLimit } from '../user-limit.ts';
import type { LookedUp, SessionWriter, WrittenSession } from '../login/write-session.ts';
import { UserErasedError } from '../store/session-writer.ts';
import type { UserDataOpener, UserDataResult } from '../user-data-opener.ts';
import type { FindKind, Kind } from '../wechat/kinds/kind.ts';
import { findApp } from './app.ts';

interface LoginDeps {
  readonly apps: AppSettings<AppWithSecret>;
  readonly kindOf: FindKind;
  readonly ledger: CodeLedger;
  readonly exchangeCode: ExchangeCode;
  readonly seal: Seal;
  readonly sessions: SessionWriter;
  readonly userLimit: UserLimit;
  readonly userData: UserDataOpener;
  readonly logFailure: ReturnType<typeof createLoginFailureLog>;
}

type LoginApp = AppWithSecret & { readonly isDefault: boolean; readonly how: Kind };

/** What a session is written from. */
interface LoginFacts {
  readonly record: CodeRecord;
  readonly profile: AcceptedProfile;
  readonly fence: number;
  readonly hasRecord: boolean;
  readonly looked: LookedUp | undefined;
}

/** qcloud.cam.id_skey in the worker (docs/protocol.md#log-in). */
export function createLoginHandler(deps: LoginDeps): CallHandler<'login'> {
  const { apps, kindOf, ledger, exchangeCode, seal, sessions, userLimit, userData, logFailure } = deps;
  /**
   * Identical requests in this process share one run. The ledger is not enough here: while Redis is away a job loses its lock and comes
   * back to a worker that still runs it; the second run would take the first one for dead and ask WeChat with a spent code.
   */
  const running = createInFlight<string, Promise<Outcome | Dropped>>();

  return async (request, context) => {
    const code = nameCode(seal, request, context);
    const known = running.get(code.requestFingerprint);
    if (known !== undefined) return known;
    const queueMs = queueMsOf(context);
    const run = runAndLog({ request, code, context, times: { queueMs, wechatMs: undefined, writeMs: undefined } });
    running.add(code.requestFingerprint, run);
    return run;
  };

  async function runAndLog(run: LoginRun): Promise<Outcome | Dropped> {
    const startedAt = performance.now();
    const outcome = await logInOrFail(run);
    if (outcome === dropped || outcome.ok) return outcome;
    const { requestId, web } = run.context;
    const ms = Math.round(performance.now() - startedAt);
    logFailure(outcome, { requestId, appid: run.request.appid, web, ms, ...run.times, ...run.said });
    return outcome;
  }

  async function logInOrFail(run: LoginRun): Promise<Outcome | Dropped> {
    try {
      return await logIn(run);
    } catch (error) {
      run.context.log.warn({ err: describeError(error) }, 'log-in not written');
      // The same request, sent again, goes on from the record.
      return fail('sessionNotWritten', 'store_unavailable');
    } finally {
      void running.take(run.code.requestFingerprint);
    }
  }

  /** The steps of a log-in. */
  async function logIn(run: LoginRun): Promise<Outcome | Dropped> {
    const { request, code, context } = run;
    const found = await findApp(apps, request.appid);
    if (found === undefined) return fail('noApp');
    if (found.secretFault !== undefined) return fail('sessionNotWritten', found.secretFault);
    const how = kindOf(found);
    if (how === undefined) return fail('sessionNotWritten', 'kind_unknown');
    const app = { how, ...found };

    const claim = await ledger.claimOrWait(code, context);
    if (claim.kind === 'over') return claim.outcome;
    const { fence } = claim;
    const hasRecord = claim.kind === 'recorded';

    const exchanged = hasRecord ? claim : await exchangeCode(run, app, fence);
    if (exchanged.kind === 'over') return exchanged.outcome;
    const { record } = exchanged;

    const first = readLoginProfile(request, record, app, userData.isSpent(app.appid, record.openId));
    if (first.result === 'not_decrypted') userData.noteFailedLogin(app.appid, record.openId);

    // While the answer is recorded the user's rows are read.
    const lookedFirst = hasRecord || !first.ok ? undefined : lookUp(app, record, first.toStore);
    // Another run took this one for dead and has the claim now: what it finds is what counts.
    if (!hasRecord && !(await ledger.record(code, fence, record))) return logIn(run);

    // The same request, sent again later, goes on from the record.
    if (!(await userLimit.allows(app.appid, record.openId))) return fail('sessionNotWritten', 'limited');
    const { profile, looked } = first.ok
      ? { profile: first, looked: lookedFirst }
      : await readWithFormerKeys(request, app, record, first);
    if (first.result === 'not_decrypted' && profile.result !== first.result)
      userData.takeBackFailedLogin(app.appid, record.openId);
    if (profile.result !== undefined) await countUserData(app, record, profile.result);
    if (!profile.ok) return profile.failure;

    try {
      const written = await writeSession(run, app, { record, profile, fence, hasRecord, looked });
      if (written === undefined) return fail('noApp');
      return answerLogin(run, app, record, profile, written);
    } catch (error) {
      if (!(error instanceof UserErasedError)) throw error;
      // The record is of the user, too. Another code makes a new user.
      const refused = fail('codeRefused', 'user_erased');
      await ledger.refuse(code, fence, refused);
      return refused;
    }
  }

  /** Data that the new key does not open may be of before this log-in. Whatever is wrong with them, the same is done. */
  async function readWithFormerKeys(
    request: LoginRequest,
    app: LoginApp,
    record: CodeRecord,
    refused: RefusedProfile,
  ): Promise<{ readonly profile: LoginProfile; readonly looked: LookedUp | undefined }> {
    const { openId, sessionKey } = record;
    if (!refused.hasUserData || refused.result === 'too_many_failures')
      return { profile: settleRefused(refused, record, app), looked: undefined };
    const looked = lookUp(app, record, undefined);
    const login = { openId, sessionKey, limits: app, time: nowSeconds() };
    const formerKeys = await sessions.findFormerKeys(login, looked);
    const profile = readLoginProfile(request, { ...record, formerKeys }, app, false);
    return { profile: profile.ok ? profile : settleRefused(profile, record, app), looked };
  }

  function lookUp(
    { appid, isDefault }: LoginApp,
    { openId }: CodeRecord,
    toStore: AcceptedProfile['toStore'],
  ): LookedUp {
    const looked = sessions.look({ appid, openId, ownsUnmarked: isDefault, profile: toStore });
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
    { context, times }: LoginRun,
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
    });
    times.writeMs = Math.round(performance.now() - startedAt);
    return written;
  }
}

function nameCode(seal: Seal, request: LoginRequest, { shard }: CallContext): CodeKey {
  const { appid, code, userData, signed, caller, callerKey = caller } = request;
  const sent = [userData?.encryptData, userData?.iv, ...(signed === undefined ? [] : [signed])];
  const callers = callerKey === undefined ? [] : [callerKey];
  return {
    key: codeKeyOf(seal, shard, appid, code),
    requestFingerprint: seal.fingerprint(appid, code, JSON.stringify(sent), ...callers),
    owner: takeRandomBytes(12).toString('base64url'),
  };
}

function queueMsOf({ madeByUs, redisNowUs }: CallContext): number | undefined {
  return madeByUs === undefined ? undefined : Math.max(0, Math.round((redisNowUs() - madeByUs) / 1000));
}
