import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort, isPortFree } from '../../apps/local/servers/ports.ts';
import { rootDir } from './built.ts';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { noteKeys } from './traces.ts';

/** What an operator has in a folder of production. */
export interface InstalledFolder {
  readonly path: string;
  /** Writes .env anew. */
  writeEnv(variables: Readonly<Record<string, string>>): Promise<void>;
  /** Puts a build in the place of the one before. @param mark shows in the processes that run it */
  install(mark: string): Promise<void>;
}

/** The project as built, in a folder of its own, whose .env and build a test can change. */
export async function createInstalledFolder(onClose: OnClose): Promise<InstalledFolder> {
  const folder = await createTemporaryFolder('site');
  onClose(folder.remove);
  const { path } = folder;
  const install = async (mark: string) => {
    await mkdir(join(path, 'dist'), { recursive: true });
    for (const name of ['dist/apps', 'dist/shared'])
      await cp(join(rootDir, name), join(path, name), { recursive: true });
    for (const role of ['web', 'worker']) {
      const main = join(path, 'dist', 'apps', role, 'main.js');
      const text = await readFile(main, 'utf8');
      await writeFile(main, `process.title = 'wafer ${mark}';\n${text}`);
    }
  };
  for (const name of ['sql', 'package.json', 'ecosystem.config.js', '.env.example'])
    await cp(join(rootDir, name), join(path, name), { recursive: true });
  await symlink(join(rootDir, 'node_modules'), join(path, 'node_modules'));
  await install('first');
  return {
    path,
    install,
    async writeEnv(variables) {
      noteKeys(variables['WAFER_KEYS']);
      const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
      await writeFile(join(path, '.env'), lines.join(''));
    },
  };
}

/** For workers that count on from one. @returns the first */
export async function findPortsInARow(count: number): Promise<number> {
  for (;;) {
    const first = await findFreePort();
    const isFree = await Promise.all(
      Array.from({ length: count }, (_, index) => isPortFree(first + index, '127.0.0.1')),
    );
    if (isFree.every(Boolean)) return first;
  }
}
