import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';

import { getBinary } from './binaries.ts';
import { findFreePort } from './ports.ts';
import { ServerStartError, startServerProcess, stopLeftOver, type ServerProcess } from './server-process.ts';

const portAttempts = 3;

export interface RedisServer extends ServerProcess {
  /** redis://127.0.0.1:port */
  readonly url: string;
  readonly port: number;
}

export interface RedisOptions {
  /** Folder of this server alone, an absolute path; made if it is missing. */
  dir: string;
  /** Default: any free port. */
  port?: number;
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
  const { dir, ephemeral = false } = options;
  const binary = getBinary('redis-server');
  mkdirSync(dir, { recursive: true });
  if (await stopLeftOver(dir)) options.log?.(`Stopped the Redis that an earlier run left behind in ${dir}`);

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort());
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'];
    // BullMQ must never lose a key to eviction.
    args.push('--maxmemory-policy', 'noeviction', '--save', '', '--appendonly', ephemeral ? 'no' : 'yes');
    args.push(...(options.args ?? []));
    try {
      const server = await startServerProcess({
        name: 'redis',
        binary,
        args,
        dir,
        isReady: (pid) => isAnsweredBy(port, pid),
        readyTimeoutMs: 60_000,
        signal: options.signal,
        stopSignal: ephemeral ? 'SIGKILL' : 'SIGTERM',
      });
      return { ...server, port, url: `redis://127.0.0.1:${port}` };
    } catch (error) {
      // Somebody else may have taken the free port in between.
      const retry = error instanceof ServerStartError && error.died && options.port === undefined;
      if (!retry || attempt === portAttempts) throw error;
    }
  }
}

/** Asks for the pid, since another server could have taken the port; a server that still loads its data says -LOADING. */
function isAnsweredBy(port: number, pid: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\nINFO server\r\n'));
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
      if (answer.includes(`process_id:${pid}\r`)) finish(answer.startsWith('+PONG'));
    });
  });
}
