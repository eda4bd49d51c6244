import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { demoAppVariable } from '../../shared/config/demo-app-variable.ts';
import { nameHost } from '../../shared/config/console.ts';
import { parseDatabaseUrl } from '../../shared/config/database-url.ts';
import { parseRedisUrl } from '../../shared/config/redis-url.ts';
import { migrate } from '../../shared/store/migrate.ts';
import { createBanner } from './banner.ts';
import { checkRedis } from './check-redis.ts';
import { demoAppid, prepareApps } from './demo-app.ts';
import { checkGivenDatabase } from './given-database.ts';
import { startApp, type AppOptions } from './local-app.ts';
import { prepareOperator } from './local-operator.ts';
import { findFreePort, isPortFree } from './servers/ports.ts';
import { provideServers } from './servers/provide.ts';
import type { StartSettings } from './settings.ts';

export interface StackOptions {
  /** The folder of package.json. */
  rootDir: string;
  settings: StartSettings;
  log: (line: string) => void;
  /** Gives up while the stack is being started. */
  signal: AbortSignal;
  /** Gets the end of each thing that was started, in the order of the starts; to be called the other way round. */
  onClose: (close: () => Promise<void>) => void;
}

/** Starts everything that `npm start` needs and returns what to tell the user. */
export async function startStack({ rootDir, settings, log, signal, onClose }: StackOptions): Promise<string> {
  const dataDir = join(rootDir, '.data');
  const logsDir = join(dataDir, 'logs');
  mkdirSync(logsDir, { recursive: true });
  // Before a line is pasted that writes it with the rights of somebody's shell.
  closeSync(openSync(join(dataDir, 'login.json'), 'a', 0o600));
  const port = settings.port || (await findFreePort());

  const { redisUrl, databaseUrl, servers } = await openServers({ rootDir, dataDir, settings, log, signal, onClose });
  signal.throwIfAborted();
  await checkRedis(redisUrl);
  if (settings.databaseUrl !== undefined && !settings.adoptsDatabase) await checkGivenDatabase(databaseUrl);
  log('Bringing the database to the current schema …');
  await migrate({ databaseUrl, log });
  const { demoSecret, realAppids } = await prepareApps(databaseUrl, log);
  signal.throwIfAborted();

  const run = (app: Pick<AppOptions, 'name' | 'readyUrl' | 'env'>) =>
    startApp({ ...app, rootDir, dataDir, logsDir, log, signal });
  let simulatorUrl: string | undefined;
  if (settings.wechatApiBase === undefined && demoSecret !== undefined) {
    const simulatorPort = settings.simulatorPort || (await findFreePort());
    simulatorUrl = `http://127.0.0.1:${simulatorPort}`;
    log('Starting the simulated WeChat …');
    const simulator = await run({
      name: 'wechat-simulator',
      readyUrl: `${simulatorUrl}/_sim/stats`,
      env: { WECHAT_SIMULATOR_PORT: String(simulatorPort), HOST: '127.0.0.1', SIM_APPS: `${demoAppid}:${demoSecret}` },
    });
    onClose(simulator.stop);
  }

  const consolePort = await chooseConsolePort(settings);
  const consoleUrl = `http://${clientHost(settings.consoleHost)}:${consolePort}`;
  const wechat = simulatorUrl === undefined ? {} : { WECHAT_API_BASE: simulatorUrl };
  const shared = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, ...wechat };
  // For `wafer` commands beside this: they can't know the ports and the password otherwise.
  writeFileSync(
    join(dataDir, 'environment.json'),
    JSON.stringify({
      ...shared,
      CONSOLE_URL: consoleUrl,
      ...(simulatorUrl === undefined ? {} : { [demoAppVariable]: demoAppid }),
    }),
    {
      mode: 0o600,
    },
  );
  const address = `http://${clientHost(settings.host)}:${port}`;
  const healthPort = await findFreePort();
  log('Starting web, worker and console …');
  const started = await Promise.allSettled([
    run({ name: 'web', readyUrl: `${address}/readyz`, env: { ...shared, PORT: String(port), HOST: settings.host } }),
    run({
      name: 'worker',
      readyUrl: `http://127.0.0.1:${healthPort}/livez`,
      env: { ...shared, HOST: '127.0.0.1', WORKER_HEALTH_PORT: String(healthPort) },
    }),
    run({
      name: 'console',
      readyUrl: `${consoleUrl}/readyz`,
      env: { ...shared, CONSOLE_PORT: String(consolePort), CONSOLE_HOST: settings.consoleHost },
    }),
  ]);
  const running = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  onClose(async () => void (await Promise.all(running.map((app) => app.stop()))));
  const failure = started.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;

  const isOurs = settings.databaseUrl === undefined || settings.adoptsDatabase;
  return createBanner({
    address,
    console: { url: consoleUrl, ...(await prepareOperator(databaseUrl, isOurs)) },
    dataDir,
    logsDir,
    loginFile: join(dataDir, 'login.json'),
    servers,
    simulator: simulatorUrl === undefined ? undefined : { url: simulatorUrl, appid: demoAppid },
    realAppids,
  });
}

/** Throws when the ports that were asked for are taken, before anything is started. */
export async function checkPorts(settings: StartSettings): Promise<void> {
  const { port, host, simulatorPort, consolePort = 0, consoleHost } = settings;
  if (port !== 0 && !(await isPortFree(port, host))) {
    throw new Error(`Port ${port} of ${host} is taken by another program. Choose another one: PORT=8090 npm start`);
  }
  if (consolePort !== 0 && !(await isPortFree(consolePort, consoleHost))) {
    throw new Error(`Port ${consolePort} of ${consoleHost} (CONSOLE_PORT) is taken by another program`);
  }
  if (simulatorPort !== 0 && !(await isPortFree(simulatorPort, '127.0.0.1'))) {
    throw new Error(`Port ${simulatorPort} (WECHAT_SIMULATOR_PORT) is taken by another program`);
  }
}

const usualConsolePort = 8081;

/** The usual one, which people know, gives way to who has it already. */
async function chooseConsolePort({ consolePort, consoleHost, port }: StartSettings): Promise<number> {
  if (consolePort !== undefined) return consolePort || findFreePort();
  const isUsable = port !== usualConsolePort && (await isPortFree(usualConsolePort, consoleHost));
  return isUsable ? usualConsolePort : findFreePort();
}

async function openServers(
  options: StackOptions & { dataDir: string },
): Promise<{ redisUrl: string; databaseUrl: string; servers: string[] }> {
  const { rootDir, dataDir, settings, log, signal, onClose } = options;
  const wanted: ('redis' | 'mariadb')[] = [];
  if (settings.redisUrl === undefined) wanted.push('redis');
  if (settings.databaseUrl === undefined) wanted.push('mariadb');
  if (settings.redisUrl !== undefined) log(`Using the Redis of REDIS_URL: ${nameRedis(settings.redisUrl)}`);
  if (settings.databaseUrl !== undefined)
    log(`Using the database of DATABASE_URL: ${nameDatabase(settings.databaseUrl)}`);
  if (wanted.length > 0) log(`Starting ${wanted.join(' and ')} …`);
  const provided = await provideServers({ wanted, rootDir, dir: dataDir, log, signal });
  onClose(provided.stop);

  const redisUrl = settings.redisUrl ?? provided.redisUrl;
  const databaseUrl = settings.databaseUrl ?? provided.databaseUrl;
  if (redisUrl === undefined || databaseUrl === undefined) throw new Error('Redis or the database did not start');
  const whose = (given: string | undefined) => (given === undefined ? '' : ' (yours)');
  return {
    redisUrl,
    databaseUrl,
    servers: [
      `Redis      ${nameRedis(redisUrl)}${whose(settings.redisUrl)}`,
      `Database   ${nameDatabase(databaseUrl)}${whose(settings.databaseUrl)}`,
    ],
  };
}

/** From the parts, so that no password is told whatever the URL looks like. */
function nameDatabase(url: string): string {
  const { host, port, database } = parseDatabaseUrl(url);
  return `mysql://${host}:${port}/${database}`;
}

function nameRedis(url: string): string {
  const { kind, nodes, tls } = parseRedisUrl(url);
  const hosts = nodes.map(({ host, port }) => `${host}:${port}`).join(',');
  return `redis${tls ? 's' : ''}${kind === 'single' ? '' : `+${kind}`}://${hosts}`;
}

/** An address to listen on is not always one to connect to. */
function clientHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return nameHost(host);
}
