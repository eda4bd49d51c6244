import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { rootDir } from '../../support/built.ts';
import type { OnClose } from '../../support/closing.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

const run = promisify(execFile);

/** The version before the present one: what a production would be upgraded from. Move it on with each release. */
const commit = '44ef872';

/** Why it can't be had; undefined if it can. */
export async function findOldVersionMissing(): Promise<string | undefined> {
  return run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: rootDir }).then(
    () => undefined,
    () => `commit ${commit} is not in this copy of the repository`,
  );
}

/** Built from its commit, with the packages of today, in a folder of its own. */
export async function buildOldVersion(onClose: OnClose): Promise<string> {
  const folder = await createTemporaryFolder('old-version');
  onClose(folder.remove);
  const archive = join(folder.path, 'source.tar');
  const dir = join(folder.path, 'source');
  await mkdir(dir);
  await run(
    'git',
    ['archive', '-o', archive, commit, 'apps', 'shared', 'sql', 'package.json', 'tsconfig.json', 'tsconfig.build.json'],
    { cwd: rootDir },
  );
  await run('tar', ['-xf', archive, '-C', dir]);
  await symlink(join(rootDir, 'node_modules'), join(dir, 'node_modules'));
  await run(process.execPath, [join(rootDir, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: dir,
  });
  return dir;
}
