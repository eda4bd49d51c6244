import type { Config } from '../../shared/config/config.ts';
import type { ColumnCipher } from '../../shared/keys/column-cipher.ts';
import type { Closer } from '../../shared/lifecycle/closer.ts';
import type { Log } from '../../shared/log/log.ts';
import type { Seal } from '../../shared/rpc/seal.ts';
import type { AppSettings } from '../../shared/session/app-settings.ts';
import { createSessionCache } from '../../shared/session/session-cache.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { defineSessionInfo, type AppInfo } from '../../shared/store/models.ts';
import type { Remembering } from '../../shared/system/remembering.ts';
import type { Stores } from '../../shared/system/stores.ts';
import type { Tracing } from '../../shared/tracing/span.ts';
import { createWechatClient } from '../../shared/wechat/client.ts';
import type { KindOfApp } from '../../shared/wechat/kinds/kind.ts';
import type { EventDemand } from './events/demand.ts';
import { createHandlers } from './handlers.ts';
import { startEraser } from './erasure/eraser.ts';
import type { WorkerMetrics } from './metrics.ts';
import { openQueues } from './queues.ts';

/** Answers the calls of front ends: opens what their handlers need, and then the queues by which they come. */
export function openCallAnswering(
  config: Config,
  deps: {
    readonly stores: Stores;
    readonly appInfo: AppInfo;
    readonly apps: AppSettings<AppWithSecret>;
    readonly cipher: ColumnCipher;
    readonly demand: EventDemand;
    readonly kinds: readonly KindOfApp[];
    readonly seal: Seal;
    readonly remembering: Remembering;
    readonly metrics: WorkerMetrics;
    readonly tracing: Tracing | undefined;
    readonly closer: Closer;
    readonly log: Log;
  },
): void {
  const { stores, appInfo, apps, cipher, demand, kinds, seal, remembering, metrics, tracing, closer, log } = deps;
  const { sequelize, commands, cacheRedis } = stores;
  const connect = (base: string) => {
    const client = createWechatClient(base);
    closer.add('wechat', () => client.close());
    return client;
  };
  const wechat = connect(config.wechat.apiBase);
  // Of connections of its own, which are made when somebody wants events.
  const several = openDatabase(config.database.primary, { ...config.database, takesSeveral: true });
  closer.add('database, several', () => several.close());
  const sessionInfo = defineSessionInfo(sequelize);
  const cache = createSessionCache(cacheRedis);
  // What was sent to the cache before is there when this is answered.
  remembering.add(async () => void (await cacheRedis.ping()));
  const eraser = startEraser({ stores: { ...stores, appInfo, seal }, log });
  closer.add('eraser', () => eraser.close());
  const stored = { sequelize, several, sessionInfo, cache, commands, cipher, apps };
  const handlers = createHandlers({
    config,
    ...stored,
    demand,
    seal,
    wechat,
    connect,
    kinds,
    eraser,
    metrics,
    log,
  });
  openQueues(config, { handlers, stores, seal, remembering, metrics, tracing, closer, log });
}
