import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { OnClose } from './closing.ts';
import { rootDir } from './built.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);

interface LockedPackage {
  readonly dev?: boolean;
  readonly optional?: boolean;
  /** To a package of our own, of which the image has none. */
  readonly link?: boolean;
}

/**
 * What the image holds: dist/, sql/, package.json, the command `wafer` and the packages that `npm ci --omit=dev`
 * installs, found as npm finds them, in the lock file, so that no registry is needed. No folder of it can be written
 * to.
 */
export async function createProductionInstall(onClose: OnClose): Promise<string> {
  const folder = await createTemporaryFolder('production');
  onClose(async () => {
    for (const each of [folder.path, ...(await listFolders(folder.path))]) await chmod(each, 0o755);
    await folder.remove();
  });
  // In a whole run it lies in the run's own folder, which is closed to others: the other user has to get through.
  const parent = dirname(folder.path);
  if (((await stat(parent)).mode & 0o777) === 0o700) await chmod(parent, 0o711);
  await mkdir(join(folder.path, 'dist'));
  for (const name of ['dist/apps', 'dist/shared', 'sql', 'apps/cli/wafer.js'])
    await cp(join(rootDir, name), join(folder.path, name), { recursive: true });
  const { bin: _, ...manifest } = JSON.parse(await readFile(join(rootDir, 'package.json'), 'utf8')) as { bin: unknown };
  await writeFile(join(folder.path, 'package.json'), JSON.stringify(manifest));
  await copyPackages(folder.path);
  await mkdir(join(folder.path, 'node_modules/.bin'));
  await symlink('../../apps/cli/wafer.js', join(folder.path, 'node_modules/.bin/wafer'));
  for (const each of [...(await listFolders(folder.path)), folder.path]) await chmod(each, 0o555);
  return folder.path;
}

async function copyPackages(folder: string): Promise<void> {
  const { packages } = JSON.parse(await readFile(join(rootDir, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const installed = new Set(await readdir(join(rootDir, 'node_modules')));
  const needed = Object.entries(packages)
    .filter(([path, { dev, link }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && dev !== true && link !== true)
    .map(([path]) => path)
    // As in the image: an optional peer that npm does not leave out.
    .filter((path) => !/^node_modules\/(?:typescript|@typescript\/.*)$/.test(path))
    .filter((path) => installed.has(path.split('/')[1] ?? ''));
  const optional = needed.filter((path) => packages[path]?.optional === true);
  const copy = (paths: readonly string[], flags: string) =>
    run('cp', [flags, '--parents', ...paths, folder], { cwd: rootDir });
  // Linked where that works, since they have a hundred megabytes.
  const required = needed.filter((path) => !optional.includes(path));
  await copy(required, '-al').catch(() => copy(required, '-a'));
  // Those of other platforms are not there.
  for (const path of optional) await copy([path], '-a').catch(() => undefined);
}

async function listFolders(folder: string): Promise<string[]> {
  const { stdout } = await run('find', [folder, '-mindepth', '1', '-type', 'd', '-print0'], { maxBuffer: 64_000_000 });
  return stdout.split('\0').filter((name) => name !== '');
}
