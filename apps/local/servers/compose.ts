import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';

import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';

import type { ServerKind } from './binaries.ts';
import { readOrMakePassword } from './password.ts';

const readyTimeoutMs = 120_000;
/** Services of docker-compose.yml. */
const services = { redis: 'redis', mariadb: 'mysql' } as const;

/** True with a running Docker engine and the compose plug-in. */
export function canUseCompose(): boolean {
  const isAnswering = (args: string[]) => spawnSync('docker', args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
  return isAnswering(['compose', 'version']) && isAnswering(['info']);
}

export interface ComposeServers {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly adminUrl: string;
  /** Stops the services; their volumes stay. */
  readonly stop: () => Promise<void>;
}

/** Starts services of docker-compose.yml and waits until they answer on their published ports. */
export async function startComposeServers(rootDir: string, kinds: readonly ServerKind[]): Promise<ComposeServers> {
  const names = kinds.map((kind) => services[kind]);
  const passwords = readPasswords(rootDir);
  const adminUrl = `mysql://root:${encodeURIComponent(passwords.MYSQL_ROOT_PASSWORD)}@127.0.0.1:3306`;
  const redisUrl = `redis://:${encodeURIComponent(passwords.REDIS_PASSWORD)}@127.0.0.1:6379`;
  const stop = () => runCompose(rootDir, passwords, ['stop', ...names]);
  try {
    await runCompose(rootDir, passwords, ['up', '-d', ...names]);
    const giveUpAt = Date.now() + readyTimeoutMs;
    if (kinds.includes('redis')) await waitUntil(() => isRedisReady(redisUrl), giveUpAt, 'redis');
    if (kinds.includes('mariadb')) await waitUntil(() => isMysqlReady(adminUrl), giveUpAt, 'mysql');
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
  return { redisUrl, adminUrl, databaseUrl: `${adminUrl}/cAuth`, stop };
}

type Passwords = Readonly<Record<'MYSQL_ROOT_PASSWORD' | 'MYSQL_PASSWORD' | 'REDIS_PASSWORD', string>>;

/** What docker-compose.yml asks for, from where compose reads it: the environment, else .env; else one that is made here and kept in `.data/`. */
function readPasswords(rootDir: string): Passwords {
  const file = join(rootDir, '.env');
  const fromFile = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  const read = (name: keyof Passwords) =>
    process.env[name] || fromFile[name] || readOrMakePassword(join(rootDir, '.data', 'compose'));
  return {
    MYSQL_ROOT_PASSWORD: read('MYSQL_ROOT_PASSWORD'),
    MYSQL_PASSWORD: read('MYSQL_PASSWORD'),
    REDIS_PASSWORD: read('REDIS_PASSWORD'),
  };
}

function runCompose(rootDir: string, passwords: Passwords, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', ['compose', ...args], {
      cwd: rootDir,
      env: { ...process.env, ...passwords },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`docker compose ${args.join(' ')} failed:\n${errors.trimEnd()}`));
    });
  });
}

async function waitUntil(isReady: () => Promise<boolean>, giveUpAt: number, service: string): Promise<void> {
  while (!(await isReady().catch(() => false))) {
    if (Date.now() > giveUpAt) throw new Error(`The compose service ${service} does not answer`);
    await sleep(500);
  }
}

async function isRedisReady(url: string): Promise<boolean> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2000,
  });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return (await redis.ping()) === 'PONG';
  } finally {
    redis.disconnect();
  }
}

async function isMysqlReady(url: string): Promise<boolean> {
  const connection = await createConnection({ uri: url, connectTimeout: 2000 });
  await connection.end();
  return true;
}
