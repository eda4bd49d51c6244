import type { Sequelize } from 'sequelize';
import { pino } from 'pino';
import { createColumnCipher } from '../../shared/keys/column-cipher.ts';
import type { Log } from '../../shared/log/log.ts';
import { createSeal } from '../../shared/rpc/seal.ts';
import { readAppsWithSecrets, type AppWithSecret } from '../../shared/store/app-reader.ts';
import { findSealKey } from '../../shared/store/seal-key.ts';
import { createAccessTokens, type AccessTokens } from '../worker/wechat/access-token.ts';
import { createWechatClient } from '../worker/wechat/client.ts';
import {
  createStableTokenSource,
  createTokenServiceSource,
  type TokenSourceOf,
} from '../worker/wechat/token-source.ts';
import { createTokenStore, type TokenStore } from '../worker/wechat/token-store.ts';
import type { WechatWatch } from '../worker/wechat/watch.ts';
import { CommandFailure } from './result.ts';
import { readSettings, withDatabase, withRedis } from './stores.ts';

/** The access tokens of the workers, for a command to look at and to renew. */
export interface OpenTokens {
  readonly sequelize: Sequelize;
  readonly apps: readonly AppWithSecret[];
  readonly store: TokenStore;
  readonly tokens: AccessTokens;
  readonly tokenOf: TokenSourceOf;
  /** undefined: they come from a token service. */
  readonly forcedTokenOf: TokenSourceOf | undefined;
  readonly source: 'stable_token' | 'token_service';
  /** Of one fetch. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** Nothing is spared here: somebody wants this one call. */
const watch: WechatWatch = { ask: (_subject, call) => call() };

/** @throws {CommandFailure} if the stores can't be used, or no worker has ever run */
export async function withTokens<Result>(
  env: NodeJS.ProcessEnv,
  work: (open: OpenTokens) => Promise<Result>,
): Promise<Result> {
  const { apiBase, tokenUrl, timeoutMs } = readSettings(env, 'wechat').wechat;
  const cipher = createColumnCipher(readSettings(env, 'keys').keys);
  const client = createWechatClient(tokenUrl ?? apiBase);
  try {
    return await withDatabase(env, async ({ sequelize, appInfo }) => {
      const key = await findSealKey(sequelize);
      if (key === undefined) throw new CommandFailure('no_token', 'No worker has run with this database yet.');
      const seal = createSeal(key);
      const installation = seal.fingerprint('installation');
      const apps = await readAppsWithSecrets(appInfo, cipher);
      return withRedis(env, ({ commands }) => {
        const store = createTokenStore(commands);
        const stableTokenOf = createStableTokenSource(client, watch);
        const serviceTokenOf: TokenSourceOf = ({ appid }) =>
          createTokenServiceSource(client, watch, {
            key: appid,
            appid,
            api: 'token_service',
            query: { appid },
            installation,
          });
        return work({
          sequelize,
          apps,
          store,
          tokens: createAccessTokens({ store, seal, timeoutMs }),
          tokenOf: tokenUrl === undefined ? stableTokenOf : serviceTokenOf,
          forcedTokenOf: tokenUrl === undefined ? createStableTokenSource(client, watch, true) : undefined,
          source: tokenUrl === undefined ? 'stable_token' : 'token_service',
          timeoutMs,
          log: pino({ level: 'silent' }),
        });
      });
    });
  } finally {
    await client.close();
  }
}
