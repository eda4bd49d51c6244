import { join } from 'node:path';

import { canUseApt, installWithApt, packagesOf } from './apt.ts';
import { findMissingServers, type ServerKind } from './binaries.ts';
import { canUseCompose, startComposeServers } from './compose.ts';
import { startMariadb, type MariadbServer } from './mariadb.ts';
import { readOrMakePassword } from './password.ts';
import { startRedis, type RedisServer } from './redis.ts';
import { supervise } from './supervise.ts';

export interface ProvideOptions {
  wanted: readonly ServerKind[];
  /** The folder of package.json and docker-compose.yml. */
  rootDir: string;
  /** Where the private servers keep their data: `redis` and `mariadb` inside it. */
  dir: string;
  ephemeral?: boolean;
  log: (line: string) => void;
  /** Gives up and stops what has been started so far. */
  signal?: AbortSignal | undefined;
}

export interface ProvidedServers {
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
  readonly adminUrl?: string;
  readonly stop: () => Promise<void>;
}

/** No way to get the servers was found; the message says what the user can do. */
class ServersUnavailableError extends Error {
  override name = 'ServersUnavailableError';
}

/**
 * Starts the wanted servers from programs of this machine, after installing what is missing with apt-get where that
 * is possible, else from docker-compose.yml. Leaves nothing running when it throws.
 */
export async function provideServers(options: ProvideOptions): Promise<ProvidedServers> {
  const { wanted, log } = options;
  const missing = findMissingServers(wanted);
  if (missing.length > 0 && canUseApt()) {
    log(`Not on this machine: ${missing.join(', ')}`);
    await installWithApt(missing, log);
  } else if (missing.length > 0 && canUseCompose()) {
    log(`Not on this machine: ${missing.join(', ')}; starting it with docker compose …`);
    return provideWithCompose(options, missing);
  } else if (missing.length > 0) {
    throw new ServersUnavailableError(adviceFor(missing));
  }
  return startPrivate(options, wanted);
}

async function provideWithCompose(options: ProvideOptions, missing: ServerKind[]): Promise<ProvidedServers> {
  const compose = await startComposeServers(options.rootDir, missing);
  const present = options.wanted.filter((kind) => !missing.includes(kind));
  const others = await startPrivate(options, present).catch(async (error: unknown) => {
    await compose.stop();
    throw error;
  });
  return {
    ...others,
    ...(missing.includes('redis') && { redisUrl: compose.redisUrl }),
    ...(missing.includes('mariadb') && {
      databaseUrl: compose.databaseUrl,
      adminUrl: compose.adminUrl,
    }),
    stop: async () => void (await Promise.allSettled([others.stop(), compose.stop()])),
  };
}

async function startPrivate(options: ProvideOptions, kinds: readonly ServerKind[]): Promise<ProvidedServers> {
  const { ephemeral = false, log, signal } = options;
  const common = { ephemeral, log, signal };
  const redisDir = join(options.dir, 'redis');
  const mariadbDir = join(options.dir, 'mariadb');
  // After a crash they come back on the port that everybody knows.
  const startRedisAgain = (first?: RedisServer) =>
    startRedis({
      ...common,
      dir: redisDir,
      // What tests keep there is theirs, and gone with them.
      ...(ephemeral ? {} : { password: readOrMakePassword(redisDir) }),
      ...(first && { port: first.port }),
    });
  const startMariadbAgain = (first?: MariadbServer) =>
    startMariadb({ ...common, dir: mariadbDir, ...(first && { port: first.port }) });

  const started = await Promise.allSettled([
    kinds.includes('redis')
      ? supervise({ name: 'Redis', start: startRedisAgain, logFile: join(redisDir, 'redis.log'), log })
      : undefined,
    kinds.includes('mariadb')
      ? supervise({ name: 'MariaDB', start: startMariadbAgain, logFile: join(mariadbDir, 'mariadb.log'), log })
      : undefined,
  ]);
  const redis = started[0].status === 'fulfilled' ? started[0].value : undefined;
  const mariadb = started[1].status === 'fulfilled' ? started[1].value : undefined;
  const stop = async () => void (await Promise.allSettled([redis?.stop(), mariadb?.stop()]));
  const failure = started.find((result) => result.status === 'rejected');
  if (failure) {
    await stop();
    throw failure.reason;
  }
  return {
    ...(redis && { redisUrl: redis.first.url }),
    ...(mariadb && { databaseUrl: mariadb.first.url, adminUrl: mariadb.first.adminUrl }),
    stop,
  };
}

function adviceFor(missing: ServerKind[]): string {
  const variables = missing.map((kind) =>
    kind === 'redis' ? 'REDIS_URL=redis://host:6379' : 'DATABASE_URL=mysql://user:password@host:3306/cAuth',
  );
  const brew = missing.map((kind) => (kind === 'redis' ? 'redis' : 'mariadb'));
  return [
    `Neither a program for ${missing.join(' and ')} nor a way to install it was found on this machine. One of these helps:`,
    `  sudo apt-get install -y --no-remove --no-install-recommends ${packagesOf(missing).join(' ')}   (Debian, Ubuntu)`,
    `  brew install ${brew.join(' ')}   (macOS)`,
    `  start Docker with its compose plug-in, and run the same command again`,
    `  use servers that you have: ${variables.join(' ')}`,
  ].join('\n');
}
