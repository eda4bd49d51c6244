import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const rootDir = fileURLToPath(new URL('../../..', import.meta.url));

/** The arguments with which node runs a program of ours as it is shipped. */
export function programArgs(
  program: `${'web' | 'worker' | 'cli' | 'wechat-simulator'}/main` | 'cli/migrate',
): string[] {
  return ['--enable-source-maps', join(rootDir, 'dist', 'apps', `${program}.js`)];
}
