import { basename, join } from 'node:path';

import { installWithApt, canUseApt } from '../../apps/local/servers/apt.ts';
import { findMissingServers, type ServerKind } from '../../apps/local/servers/binaries.ts';
import { startRedis, type RedisServer } from '../../apps/local/servers/redis.ts';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { isTracing, keepTraces } from './traces.ts';

export interface TestRedisOptions {
  onClose?: OnClose;
  /** More arguments of redis-server, for instance ['--maxmemory', '10mb']. */
  args?: string[];
  port?: number;
}

export interface TestRedis extends RedisServer {
  /** Ends it and removes its folder. */
  readonly close: () => Promise<void>;
}

/** Every write, in plain text and without an end, to be searched for secrets: a dump would show the last state alone. */
const historyArgs = ['--appendonly', 'yes', '--appendfsync', 'no', '--auto-aof-rewrite-percentage', '0'];

/** A Redis of one's own, to be flushed, configured and killed at will. */
export async function startTestRedis({ onClose, args = [], ...options }: TestRedisOptions = {}): Promise<TestRedis> {
  await ensureServers(['redis']);
  const folder = await createTemporaryFolder('redis');
  try {
    const dir = join(folder.path, 'redis');
    const allArgs = [...(isTracing ? historyArgs : []), ...args];
    const server = await startRedis({ ...options, args: allArgs, dir, ephemeral: true });
    const close = async () => {
      await server.stop();
      for (const kept of historyPaths) await keepTraces(join(dir, kept), join(basename(folder.path), kept));
      await folder.remove();
    };
    onClose?.(close);
    return { ...server, close };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

/** Redis 7 and later have a folder, older ones a file; the log of the server comes along. */
const historyPaths = ['appendonlydir', 'appendonly.aof', 'redis.log'];

/** So that one test file can be run by hand on a fresh machine. */
export async function ensureServers(kinds: readonly ServerKind[]): Promise<void> {
  const missing = findMissingServers(kinds);
  if (missing.length > 0 && canUseApt()) await installWithApt(missing, (line) => console.error(line));
}
