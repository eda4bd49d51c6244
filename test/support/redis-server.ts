import { join } from 'node:path';

import { installWithApt, canUseApt } from '../../apps/local/servers/apt.ts';
import { findMissingServers, type ServerKind } from '../../apps/local/servers/binaries.ts';
import { startRedis, type RedisServer } from '../../apps/local/servers/redis.ts';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

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

/** A Redis of one's own, to be flushed, configured and killed at will. */
export async function startTestRedis({ onClose, ...options }: TestRedisOptions = {}): Promise<TestRedis> {
  await ensureServers(['redis']);
  const folder = await createTemporaryFolder('redis');
  try {
    const server = await startRedis({ ...options, dir: join(folder.path, 'redis'), ephemeral: true });
    const close = async () => {
      await server.stop();
      await folder.remove();
    };
    onClose?.(close);
    return { ...server, close };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

/** So that one test file can be run by hand on a fresh machine. */
export async function ensureServers(kinds: readonly ServerKind[]): Promise<void> {
  const missing = findMissingServers(kinds);
  if (missing.length > 0 && canUseApt()) await installWithApt(missing, (line) => console.error(line));
}
