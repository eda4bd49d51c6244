import type { Sequelize } from 'sequelize';
import { pino } from 'pino';
import type { Log } from '../log/log.ts';
import { createSeal } from '../rpc/seal.ts';
import { readAppsWithSecrets, type AppWithSecret } from '../store/app-reader.ts';
import { findSealKey } from '../store/seal-key.ts';
import { createAccessTokens, type AccessTokens } from '../wechat/access-token.ts';
import { createWechatClient, type WechatClient } from '../wechat/client.ts';
import { kinds } from '../wechat/kinds/index.ts';
import { createKinds, usualKind } from '../wechat/kinds/kind.ts';
import { createStableTokenSource, type TokenSource } from '../wechat/token-source.ts';
import { createTokenStore } from '../wechat/token-store.ts';
import type { WechatWatch } from '../wechat/watch.ts';
import { AdministrationFailure } from './failure.ts';
import { readCipher, readSettings } from './settings.ts';
import { withDatabase, withRedis } from './stores.ts';

/** The access tokens of the workers, for a command to look at and to renew. */
export interface OpenTokens {
  readonly sequelize: Sequelize;
  readonly apps: readonly AppWithSecret[];
  /** To WECHAT_API_BASE. */
  readonly wechat: WechatClient;
  readonly tokens: AccessTokens;
  /** undefined: apps of its kind have none. */
  readonly tokenOf: (app: AppWithSecret) => TokenSource | undefined;
  /** undefined: it does not come from WeChat itself. */
  readonly forcedTokenOf: (app: AppWithSecret) => TokenSource | undefined;
  /** Of one fetch. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** Nothing is spared here: somebody wants this one call. */
const watch: WechatWatch = { ask: (_subject, call) => call() };

/** @throws {AdministrationFailure} if the stores can't be used, or no worker has ever run */
export async function withTokens<Result>(
  env: NodeJS.ProcessEnv,
  work: (open: OpenTokens) => Promise<Result>,
): Promise<Result> {
  const config = readSettings(env, 'wechat');
  const { apiBase, tokenUrl, timeoutMs } = config.wechat;
  const cipher = readCipher(env);
  const clients: WechatClient[] = [];
  const connect = (base: string): WechatClient => {
    const client = createWechatClient(base);
    clients.push(client);
    return client;
  };
  const wechat = connect(apiBase);
  const forcedTokenOf = createStableTokenSource(wechat, watch, true);
  try {
    return await withDatabase(env, async ({ sequelize, appInfo }) => {
      const key = await findSealKey(sequelize);
      if (key === undefined) throw new AdministrationFailure('no_token', 'No worker has run with this database yet.');
      const seal = createSeal(key);
      const installation = seal.fingerprint('installation');
      const apps = await readAppsWithSecrets(appInfo, cipher);
      return withRedis(env, ({ commands }) => {
        const store = createTokenStore(commands);
        const tokens = createAccessTokens({ store, seal, timeoutMs });
        const kindOf = createKinds(kinds, { config, wechat, connect, watch, tokens, installation });
        return work({
          sequelize,
          apps,
          wechat,
          tokens,
          tokenOf: (app) => kindOf(app)?.tokenOf?.(app),
          forcedTokenOf: (app) =>
            tokenUrl === undefined && (app.kind ?? usualKind) === usualKind ? forcedTokenOf(app) : undefined,
          timeoutMs,
          log: pino({ level: 'silent' }),
        });
      });
    });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}
