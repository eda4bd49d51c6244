import type { Sequelize } from 'sequelize';
import type { Config } from '../../shared/config/config.ts';
import type { EventDemand } from './events/demand.ts';
import type { ColumnCipher } from '../../shared/keys/column-cipher.ts';
import type { Log } from '../../shared/log/log.ts';
import { createLoginFailureLog } from '../../shared/log/login-failures.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import type { CallName, QueueName } from '../../shared/rpc/contract.ts';
import type { Seal } from '../../shared/rpc/seal.ts';
import type { CallHandlers } from './rpc/server.ts';
import type { AppSettings } from '../../shared/session/app-settings.ts';
import type { SessionCache } from '../../shared/session/session-cache.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import type { SessionInfo } from '../../shared/store/models.ts';
import { createCheckSessionHandler } from './jobs/check-session.ts';
import { createDecryptHandler } from './jobs/decrypt.ts';
import { createEncryptKeyHandler } from './jobs/encrypt-key.ts';
import type { Eraser } from './erasure/eraser.ts';
import { createForgetHandler } from './jobs/forget.ts';
import { createLoginHandler } from './jobs/login.ts';
import { createLogoutHandler } from './jobs/logout.ts';
import { createPhoneHandler } from './jobs/phone.ts';
import { createResetKeyHandler } from './jobs/reset-key.ts';
import { createSignHandler } from './jobs/sign.ts';
import { createTokenHandler } from './jobs/token.ts';
import { createUserInfoHandler } from './jobs/userinfo.ts';
import { createWechatEventHandler } from './jobs/wechat-event.ts';
import { createProfileWriter } from './profile-writer.ts';
import { createCodeLedger } from './login/code-ledger.ts';
import { createExchangeCode } from './login/exchange.ts';
import { createSessionEvents } from './login/session-events.ts';
import { createSessionWriter } from './login/write-session.ts';
import type { WorkerMetrics } from './metrics.ts';
import { createPhoneLedger } from './phone/phone-ledger.ts';
import { createRunTogether } from './store/run-together.ts';
import { createUserDataLimit } from './user-data-limit.ts';
import { createUserDataOpener } from './user-data-opener.ts';
import { createUserLimit } from './user-limit.ts';
import { createAccessTokens } from '../../shared/wechat/access-token.ts';
import { createAlertEvents } from './wechat/alert-events.ts';
import { createAlerts } from './wechat/alerts.ts';
import { createBreakers } from './wechat/breakers.ts';
import { createCallWithToken } from './wechat/call-with-token.ts';
import { limitCalls } from './wechat/limit-calls.ts';
import type { WechatClient } from '../../shared/wechat/client.ts';
import { createKinds, type KindOfApp } from '../../shared/wechat/kinds/kind.ts';
import { createTokenStore } from '../../shared/wechat/token-store.ts';
import { createWechatWatch } from './wechat/watch.ts';

/** Short, because each user who logged in within this time is remembered. */
const loginLimitSeconds = 10;
/** Phone codes of one user. Each is a tap on a button; made-up ones would use up what the app may ask WeChat. */
const phoneCodes = 20;
const phoneLimitSeconds = 60;
/** All other calls about one user that ask WeChat: while it is slow each holds a place that others wait for. */
const callsOfUser = 60;
const userCallsLimitSeconds = 60;

/** What handlers are made of. */
export interface HandlerDeps {
  readonly config: Config;
  readonly sequelize: Sequelize;
  /** The same database; one query may hold several statements. */
  readonly several: Sequelize;
  /** Of events. */
  readonly demand: EventDemand;
  readonly sessionInfo: SessionInfo;
  readonly cipher: ColumnCipher;
  readonly apps: AppSettings<AppWithSecret>;
  readonly cache: SessionCache;
  /** Of the queue's Redis. */
  readonly commands: RedisClient;
  readonly seal: Seal;
  readonly wechat: WechatClient;
  /** To any other address; it is closed with the worker. */
  readonly connect: (base: string) => WechatClient;
  /** Of apps. */
  readonly kinds: readonly KindOfApp[];
  readonly eraser: Eraser;
  readonly metrics: WorkerMetrics;
  readonly log: Log;
}

/** Everything that a worker can be asked, by the queue that carries it; `jobs/` has one file per call, and what several of them share. */
export function createHandlers(deps: HandlerDeps): Readonly<Record<QueueName, Partial<CallHandlers>>> {
  const { config, sequelize, several, demand, sessionInfo, cipher, apps, cache, commands, seal } = deps;
  const { wechat, connect, kinds, eraser, metrics, log } = deps;
  const { timeoutMs } = config.wechat;
  const watch = createWechatWatch({
    alerts: createAlerts(log, metrics.raisedAlert, createAlertEvents({ sequelize, commands, demand })),
    breakers: createBreakers(timeoutMs, log, metrics.openedBreaker),
    onAnswer: metrics.askedWechat,
    seal,
  });
  const tokens = createAccessTokens({ store: createTokenStore(commands), seal, timeoutMs });
  const installation = seal.fingerprint('installation');
  const kindOf = createKinds(kinds, { config, wechat, connect, watch, tokens, installation });
  const userDataLimit = createUserDataLimit(commands, seal);
  const userLimit = createUserLimit(config.login.limitPerUser, loginLimitSeconds, seal);
  const phoneLimit = createUserLimit(phoneCodes, phoneLimitSeconds, seal);
  const callLimit = createUserLimit(callsOfUser, userCallsLimitSeconds, seal);
  const userData = createUserDataOpener(userDataLimit, metrics.openedUserData);
  const codeLedger = createCodeLedger(commands, seal, timeoutMs);
  const login = createLoginHandler({
    apps,
    kindOf,
    ledger: codeLedger,
    exchangeCode: createExchangeCode({ ledger: codeLedger, wechatTimeoutMs: timeoutMs }),
    seal,
    userData,
    sessions: createSessionWriter({
      sequelize,
      cache,
      cipher,
      seal,
      events: createSessionEvents(demand, createRunTogether(several)),
    }),
    logFailure: createLoginFailureLog(log),
    userLimit,
    eraser,
    onSpent: metrics.spent,
  });

  const keySource = { sessionInfo, cipher };
  const callWithToken = createCallWithToken({ tokens, watch, timeoutMs });
  /** Phone codes have a limit of their own, which a code that was answered before does not count for. */
  const phoneCalls = { apps, keySource, kindOf, wechat, callWithToken };
  const userCalls = { ...phoneCalls, callWithToken: limitCalls(callWithToken, callLimit) };
  const phoneLedger = createPhoneLedger(commands, seal, config.login.deadlineMs);
  const session: CallHandlers<Exclude<CallName, 'login'>> = {
    decrypt: createDecryptHandler({ apps, keySource, userData, takesLegacy: config.legacyDecrypt }),
    logout: createLogoutHandler({ sequelize, sessionInfo, cache, apps, demand }),
    userInfo: createUserInfoHandler({
      apps,
      keySource,
      userData,
      profiles: createProfileWriter({ sequelize, sessionInfo, cache, apps, demand }),
    }),
    phone: createPhoneHandler({
      ...phoneCalls,
      userData,
      eraser,
      ledger: phoneLedger,
      seal,
      userLimit: phoneLimit,
    }),
    checkSession: createCheckSessionHandler(userCalls),
    resetKey: createResetKeyHandler({ ...userCalls, sequelize }),
    sign: createSignHandler({ apps, keySource }),
    encryptKey: createEncryptKeyHandler(userCalls),
    token: createTokenHandler({ apps, tokens, kindOf, installation }),
    forget: createForgetHandler({ sessionInfo, eraser }),
    wechatEvent: createWechatEventHandler(eraser),
  };
  return { login: { login }, session };
}
