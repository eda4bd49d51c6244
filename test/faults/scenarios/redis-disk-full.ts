import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { OnClose } from '../../support/closing.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import type { Fault } from '../support/fault.ts';
import { startSite } from '../support/site.ts';
import { withoutWrites } from './redis-full.ts';

const run = promisify(execFile);
const diskBytes = 8_388_608;

/** A small disk of the test's own. @throws if this user may not mount one */
async function mountSmallDisk(onClose: OnClose): Promise<string> {
  const folder = await createTemporaryFolder('disk');
  onClose(folder.remove);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', folder.path]);
  onClose(async () => void (await run('umount', [folder.path])));
  return folder.path;
}

export const redisDiskFull: Fault = {
  name: 'redis-disk-full',
  title: 'the disk of Redis is full',
  holds: 'log-ins fail clearly, readiness says so, and all works again',
  async findMissing() {
    const closers: (() => Promise<void>)[] = [];
    const failure = await mountSmallDisk((close) => void closers.push(close)).then(
      () => undefined,
      () => 'this user may not mount a small disk',
    );
    for (const close of closers.toReversed()) await close();
    return failure;
  },
  async run(drill) {
    const disk = await mountSmallDisk(drill.onClose);
    const redisArgs = ['--dir', disk, '--appendonly', 'yes', '--appendfsync', 'everysec'];
    const site = await startSite({ onClose: drill.onClose, redisArgs });
    const filler = join(disk, 'filler');
    return withoutWrites(drill, site, async () => {
      await writeFile(filler, Buffer.alloc(diskBytes)).catch(() => undefined);
      return () => rm(filler);
    });
  },
};
