import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workerFlags } from '../../apps/local/worker-flags.ts';

/** The folder of package.json. */
export const rootDir = fileURLToPath(new URL('../../..', import.meta.url));

/** The arguments with which node runs a program of ours as it is shipped. */
export function programArgs(
  program: `${'web' | 'worker' | 'console' | 'cli' | 'wechat-simulator'}/main` | 'cli/migrate',
): string[] {
  const flags = program === 'worker/main' ? workerFlags : [];
  return ['--enable-source-maps', ...flags, join(rootDir, 'dist', 'apps', `${program}.js`)];
}
