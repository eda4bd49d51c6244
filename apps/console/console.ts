import { fileURLToPath } from 'node:url';
import type { Config } from '../../shared/config/config.ts';
import { createNowReader } from '../../shared/administration/now/now.ts';
import { isLoopbackHost } from '../../shared/config/exposure.ts';
import { createColumnCipher } from '../../shared/keys/column-cipher.ts';
import { createCloser } from '../../shared/lifecycle/closer.ts';
import { announceReady, type Service } from '../../shared/lifecycle/run.ts';
import type { Log } from '../../shared/log/log.ts';
import { createInstanceName, createPresence } from '../../shared/redis/presence.ts';
import { openStores } from '../../shared/system/stores.ts';
import { showTokens } from '../../shared/administration/access-tokens.ts';
import { shareAnswer } from '../../shared/http/shared-answer.ts';
import { createAccounts } from './accounts/accounts.ts';
import { createOidcProvider } from './accounts/oidc.ts';
import { addOidc } from './accounts/oidc-routes.ts';
import { createWho } from './accounts/who.ts';
import { createAdministration } from './administration.ts';
import { apiRoutes } from './api/index.ts';
import { createIdempotency } from './api/idempotency.ts';
import { addApi } from './api/serve.ts';
import { createApp } from './app.ts';
import { addBoard } from './board.ts';
import { createDoctorRuns } from './doctor-runs.ts';
import { createEventTail } from './events/event-tail.ts';
import { createStreamDemand } from './events/stream-demand.ts';
import { createHealth } from './health.ts';
import { listen } from './http.ts';
import { createLateSeal } from './late-seal.ts';
import { createOrigins } from './origins.ts';
import { createPageFiles } from './page-files.ts';
import { createConsoleMetrics, createMetricsPage } from './metrics.ts';
import { createNowFeed } from './now-feed.ts';
import type { ConsoleParts } from './parts.ts';
import { createSamples } from './samples/samples.ts';

/** Where the build puts the page: beside this file, once that is compiled. */
const pageFolder = fileURLToPath(new URL('../console/page', import.meta.url));
/** Whoever waits is a person, and there are few of them. */
const commandTimeoutMs = 2000;

/**
 * The console, until it is closed: administration over HTTP and its page. It is no member of the system: it remembers nothing of MySQL that
 * it would have to be told to forget.
 * @param routes of the API
 */
export async function startConsole(
  { config, env }: { readonly config: Config; readonly env: NodeJS.ProcessEnv },
  log: Log,
  routes = apiRoutes,
): Promise<Service & { readonly port: number }> {
  const { host, url, oidc } = config.console;
  const { trustedProxies } = config.access;
  const closer = createCloser(log);
  const use = { commandTimeoutMs };
  const stores = openStores(config, { commands: use, cache: use }, { closer, log });
  const { sequelize, commands, clock } = stores;
  const origins = createOrigins(config.console);
  const doorkeeper = { origins, requiresTotp: config.console.requiresTotp };
  const findSeal = createLateSeal(sequelize);
  const cipher = createColumnCipher(config.keys);
  const administrationOf = createAdministration({ config, env }, stores);
  const provider = oidc && createOidcProvider(oidc, origins);
  const metrics = createConsoleMetrics(routes);
  const { signedIn } = metrics;
  const accounts = createAccounts({ sequelize, commands, cipher, findSeal, origins, provider, signedIn });
  const now = createNowFeed(createNowReader({ ...stores, loginQueues: config.login.queues }));
  const eventTail = createEventTail(sequelize, createStreamDemand(sequelize, commands, clock));
  const doctor = createDoctorRuns(env);
  const readTokens = shareAnswer(
    () => showTokens(env),
    () => 0,
  );
  const parts: ConsoleParts = { accounts, now, samples: createSamples(sequelize), eventTail, doctor, readTokens };
  const { signIns } = accounts;

  const stopping = new AbortController();
  const idempotency = createIdempotency(commands, findSeal);
  const app = createApp({
    log,
    origins,
    trustedProxies,
    stopping: stopping.signal,
    measure: metrics.middleware,
    health: createHealth(stores, stopping.signal),
    figures: createMetricsPage(metrics.render, config.access),
    page: createPageFiles(pageFolder),
    who: (koa) => [signIns.middleware(koa), createWho(sequelize, signIns)],
    routes: [
      addApi(routes, { doorkeeper, parts, idempotency, administrationOf, stopping: stopping.signal, metrics, log }),
      addBoard({ commands, loginQueues: config.login.queues, doorkeeper }),
      addOidc({
        provider,
        settings: oidc,
        signIns,
        findSeal,
        administrationOf,
        isSecure: origins.isSecure,
        signedIn,
        log,
      }),
    ],
  });
  const http = await closer.orClose(listen(app.callback(), { ...config.console, trustedProxies }, stopping));
  closer.add('http', () => http.close());
  log.info({ host, port: http.port, url: url?.origin }, 'console listens');
  if (!isLoopbackHost(host) && !origins.isSecure)
    log.warn(
      { host },
      'passwords and cookies come over the network in plain text: put a proxy with TLS before this, and set CONSOLE_URL to its https:// address',
    );
  // As soon as Redis answers; the doctor looks for it.
  const presence = createPresence(commands, clock, createInstanceName('console'), 'console');
  closer.add('presence', () => presence.leave());
  void presence.announce();
  announceReady();
  return { log, port: http.port, close: () => closer.close() };
}
