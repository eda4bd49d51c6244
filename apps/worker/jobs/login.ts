import { createInFlight } from '../../../shared/in-flight.ts';
import { toAsciiJson, toAsciiString } from '../../../shared/protocol/ascii-json.ts';
import { fail, succeed, type Outcome } from '../../../shared/protocol/outcome.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import { dropped, type CallContext, type CallHandler, type Dropped } from '../../../shared/rpc/server.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import { isAnonymous, renderUserInfo } from '../../../shared/session/user-info.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import type { createLoginFailureLog } from '../../../shared/log/login-failures.ts';
import { describeError } from '../../../shared/log/log.ts';
import { takeRandomBytes } from '../../../shared/random.ts';
import { codeKeyOf, type CodeKey, type CodeLedger, type CodeRecord } from '../login/code-ledger.ts';
import { exchangeOnce, reserveMs } from '../login/exchange.ts';
import { createGather } from '../login/gather.ts';
import { readLoginProfile, type AcceptedProfile, type LoginProfile } from '../login/read-profile.ts';
import { createTimeLeft } from '../login/time-left.ts';
import type { UserLimit } from '../login/user-limit.ts';
import type { LookedUp, SessionWriter } from '../login/write-session.ts';
import type { UserDataOpener } from '../user-data-opener.ts';
import type { WechatClient } from '../wechat/client.ts';
import { code2Session, type Exchange } from '../wechat/code2session.ts';
import { askWithSecrets } from '../wechat/secrets.ts';
import type { WechatWatch } from '../wechat/watch.ts';
import { findApp } from './app.ts';

interface LoginParts {
  readonly apps: AppSettings<AppWithSecret>;
  readonly wechat: WechatClient;
  readonly watch: WechatWatch;
  readonly wechatTimeoutMs: number;
  readonly ledger: CodeLedger;
  readonly seal: Seal;
  readonly sessions: SessionWriter;
  readonly userLimit: UserLimit;
  readonly userData: UserDataOpener;
  readonly failed: ReturnType<typeof createLoginFailureLog>;
}

/** Milliseconds of the steps of a log-in that it came to. */
interface Stages {
  queue?: number;
  wechat?: number;
  write?: number;
}

/** Little beside WeChat's own time, and enough for most of a job whose calls left together. */
const companyMs = 3;

/** As the fields of a line of the log. */
function msOf({ queue, wechat, write }: Stages) {
  return { queueMs: queue, wechatMs: wechat, writeMs: write };
}

/** What a session is opened from. */
interface LoginFacts {
  readonly record: CodeRecord;
  readonly fence: number;
  readonly isRepeat: boolean;
  readonly profile: AcceptedProfile;
  readonly looked: LookedUp | undefined;
}

/**
 * qcloud.cam.id_skey in the worker: app settings → code2Session → decrypt → session write → answer
 * (docs/protocol.md#log-in).
 */
export function createLoginHandler(parts: LoginParts): CallHandler<'login'> {
  const { ledger, seal } = parts;
  const timeLeft = createTimeLeft(reserveMs, parts.wechatTimeoutMs / 2);
  const gather = createGather(companyMs);
  /** Identical requests in this process share one run. */
  const running = createInFlight<string, Promise<Outcome | Dropped>>();

  return async (request, context) => {
    const { userData, signed, caller } = request;
    const sent = [userData?.encryptData, userData?.iv, ...(signed === undefined ? [] : [signed])];
    const callers = caller === undefined ? [] : [caller];
    const code: CodeKey = {
      key: codeKeyOf(seal, context.shard, request.appid, request.code),
      requestFingerprint: seal.fingerprint(request.appid, request.code, JSON.stringify(sent), ...callers),
      owner: takeRandomBytes(12).toString('base64url'),
    };
    const known = running.get(code.requestFingerprint);
    if (known !== undefined) return known;
    const run = runOnce(request, code, context);
    running.add(code.requestFingerprint, run);
    return run;
  };

  async function runOnce(request: LoginRequest, code: CodeKey, context: CallContext): Promise<Outcome | Dropped> {
    const started = performance.now();
    const { madeByUs } = context;
    const stages: Stages =
      madeByUs === undefined ? {} : { queue: Math.max(0, Math.round((context.redisNowUs() - madeByUs) / 1000)) };
    const outcome = await runOrFail(request, code, context, stages);
    if (outcome === dropped || outcome.ok) return outcome;
    const { requestId, web } = context;
    const ms = Math.round(performance.now() - started);
    parts.failed(outcome, { requestId, appid: request.appid, web, ms, ...msOf(stages) });
    return outcome;
  }

  async function runOrFail(
    request: LoginRequest,
    code: CodeKey,
    context: CallContext,
    stages: Stages,
  ): Promise<Outcome | Dropped> {
    try {
      return await login(parts, request, code, context, stages);
    } catch (error) {
      context.log.warn({ err: describeError(error) }, 'log-in not written');
      // The same request, sent again, goes on from the record.
      return fail('sessionNotWritten', 'store_unavailable');
    } finally {
      void running.take(code.requestFingerprint);
    }
  }

  async function login(
    { apps, wechat, watch, wechatTimeoutMs, sessions, userLimit, userData }: LoginParts,
    request: LoginRequest,
    code: CodeKey,
    context: CallContext,
    stages: Stages,
  ): Promise<Outcome | Dropped> {
    const app = await findApp(apps, request.appid);
    if (app === undefined) return fail('noApp');
    if (app.secretFault !== undefined) return fail('sessionNotWritten', app.secretFault);
    const { appid } = app;
    const exchangeCode = (secret: string, timeoutMs: number) =>
      code2Session(wechat, { appid, secret, code: request.code }, timeoutMs);
    const subject = { appid, api: 'code2session', code: request.code, caller: request.caller } as const;
    const readProfile = (answer: Parameters<typeof readLoginProfile>[1]) =>
      readLoginProfile(request, answer, app, userData.isSpent(appid, answer.openId));
    let profile: LoginProfile | undefined;
    let looked: LookedUp | undefined;
    const ask = async (timeoutMs: number): Promise<Exchange> => {
      const askWechat = () => askWithSecrets(app, exchangeCode, timeoutMs, context.log);
      const asked = performance.now();
      const answer = await gather(context.job, () => watch.ask(subject, askWechat));
      stages.wechat = (stages.wechat ?? 0) + Math.round(performance.now() - asked);
      if (answer.kind !== 'session') return answer;
      profile = readProfile(answer);
      if (profile.ok) {
        // While the answer is recorded the user's rows are read.
        const { openId } = answer;
        looked = sessions.look({ appid, openId, ownsUnmarked: app.isDefault, profile: profile.toStore });
        looked.catch(() => undefined);
      }
      return answer;
    };
    const exchange = await exchangeOnce(ledger, code, ask, context, wechatTimeoutMs, timeLeft);
    if (exchange === dropped) return dropped;
    if (exchange.kind === 'failed') return exchange.failure;
    // The same request, sent again later, goes on from the record.
    if (!(await userLimit.allows(appid, exchange.record.openId))) return fail('sessionNotWritten', 'limited');
    // Of another run: that one's answer counts, and what came of it since.
    if (exchange.isRepeat) profile = looked = undefined;
    profile ??= readProfile(exchange.record);
    if (profile.result !== undefined) {
      const told = userData.tellLogin(appid, exchange.record.openId, profile.result);
      // Before it is answered that they failed, so that nobody is quicker than the count.
      if (profile.result !== 'opened') await told;
    }
    if (!profile.ok) return profile.failure;
    return openSession(sessions, app, request, { profile, looked, ...exchange }, context, stages);
  }

  async function openSession(
    sessions: SessionWriter,
    app: AppWithSecret & { isDefault: boolean },
    request: LoginRequest,
    { record, fence, isRepeat, profile, looked }: LoginFacts,
    context: CallContext,
    stages: Stages,
  ): Promise<Outcome> {
    const started = performance.now();
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
      looked,
      fence,
      isRepeat,
      time: nowSeconds(),
      redisNowUs: context.redisNowUs,
    });
    stages.write = Math.round(performance.now() - started);
    // A log-in with the code alone answers what is known of the user; one with user data, what it decrypted.
    const answered = request.userData === undefined ? written.storedProfile : profile.sent;
    const duration = record.expiresIn ?? Math.min(app.loginDurationDays * 86_400, app.sessionDurationSeconds);
    const data = [
      `"id":${toAsciiString(written.id)}`,
      `"skey":${toAsciiString(skey)}`,
      `"user_info":${renderUserInfo(answered)}`,
      `"duration":${toAsciiJson(JSON.stringify(duration))}`,
    ];
    context.log.info(
      {
        appid: app.appid,
        row: written.row,
        isNew: written.isNew,
        isAnonymous: isAnonymous(answered),
        web: context.web,
        ...msOf(stages),
      },
      'log-in',
    );
    return succeed(written.isNew ? 'NEW_SESSION_SUCCESS' : 'UPDATE_SESSION_SUCCESS', `{${data.join(',')}}`);
  }
}
