import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { OnClose } from './closing.ts';
import { startTestRedis, type TestRedis } from './redis-server.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

/** Has a Redis write all that it has to its disk. @returns the file */
export async function saveSnapshot(client: Redis): Promise<string> {
  await client.save();
  return join((await client.config('GET', 'dir'))[1] as string, 'dump.rdb');
}

/** A Redis with what another one had on its disk. */
export async function startFromSnapshot(dump: string, onClose: OnClose, port?: number): Promise<TestRedis> {
  const folder = await createTemporaryFolder('snapshot');
  onClose(folder.remove);
  await copyFile(dump, join(folder.path, 'dump.rdb'));
  const args = ['--dir', folder.path, '--appendonly', 'no'];
  return startTestRedis({ onClose, args, ...(port === undefined ? {} : { port }) });
}
