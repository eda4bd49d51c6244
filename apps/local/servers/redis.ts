import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { getBinary } from './binaries.ts';
import { findFreePort } from './ports.ts';
import { ServerStartError, startServerProcess, stopLeftOver, type ServerProcess } from './server-process.ts';

const portAttempts = 3;

export interface RedisServer extends ServerProcess {
  /** redis://127.0.0.1:port, with the password if there is one */
  readonly url: string;
  readonly port: number;
}

export interface RedisOptions {
  /** Folder of this server alone, an absolute path; made if it is missing. */
  dir: string;
  /** Default: any free port. */
  port?: number;
  /** Without it, whoever reaches the port may do everything. One word of plain characters. */
  password?: string;
  /** More arguments of redis-server; they win over ours. */
  args?: string[];
  /** True: nothing is kept on disk and stopping is immediate, for tests. Default false: append-only file. */
  ephemeral?: boolean;
  log?: (line: string) => void;
  /** Gives up and stops what has been started so far. */
  signal?: AbortSignal | undefined;
}

/** Starts a private Redis on 127.0.0.1. Throws with the end of its log when it does not start. */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  const { dir, ephemeral = false, password } = options;
  const binary = getBinary('redis-server');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (await stopLeftOver(dir)) options.log?.(`Stopped the Redis that an earlier run left behind in ${dir}`);

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort());
    const args = password === undefined ? [] : [writePasswordFile(dir, password)];
    args.push('--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no');
    // BullMQ must never lose a key to eviction.
    args.push('--maxmemory-policy', 'noeviction', '--save', '', '--appendonly', ephemeral ? 'no' : 'yes');
    args.push(...(options.args ?? []));
    try {
      const server = await startServerProcess({
        name: 'redis',
        binary,
        args,
        dir,
        // Redis 8 ends at once if LANG or LC_ALL names a locale that is not installed.
        env: { LC_ALL: 'C' },
        isReady: (pid) => isAnsweredBy(port, pid, password),
        readyTimeoutMs: 60_000,
        signal: options.signal,
        stopSignal: ephemeral ? 'SIGKILL' : 'SIGTERM',
      });
      const credentials = password === undefined ? '' : `:${password}@`;
      return { ...server, port, url: `redis://${credentials}127.0.0.1:${port}` };
    } catch (error) {
      // Somebody else may have taken the free port in between.
      const retry = error instanceof ServerStartError && error.died && options.port === undefined;
      if (!retry || attempt === portAttempts) throw error;
    }
  }
}

/** Every user of the machine can read the arguments of a process, so the password comes in a configuration file. */
function writePasswordFile(dir: string, password: string): string {
  const file = join(dir, 'redis.conf');
  writeFileSync(file, `requirepass ${password}\n`, { mode: 0o600 });
  return file;
}

/** Asks for the pid, since another server could have taken the port; a server that still loads its data says -LOADING. */
function isAnsweredBy(port: number, pid: number, password: string | undefined): Promise<boolean> {
  const login = password === undefined ? '' : `AUTH ${password}\r\n`;
  const welcome = password === undefined ? '+PONG' : '+OK\r\n+PONG';
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`${login}PING\r\nINFO server\r\n`));
    const finish = (isReady: boolean) => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.startsWith('-')) finish(false);
      if (answer.includes(`process_id:${pid}\r`)) finish(answer.startsWith(welcome));
    });
  });
}
