import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const rootDir = fileURLToPath(new URL('../..', import.meta.url));
const stampFile = join(rootDir, 'dist', '.built-from');
const buildTimeoutMs = 120_000;

let building: Promise<void> | undefined;

/** For tests that run dist/. `npm test` has built it already; this is for a single file run by hand. @throws with tsc's output */
export function ensureBuilt(): Promise<void> {
  return (building ??= build());
}

/** The arguments with which node runs a program of ours as it is shipped. @throws with tsc's output */
export async function programArgs(
  program: `${'web' | 'worker' | 'cli' | 'wechat-simulator'}/main` | 'cli/migrate',
): Promise<string[]> {
  await ensureBuilt();
  return ['--enable-source-maps', join(rootDir, 'dist', 'apps', `${program}.js`)];
}

async function build(): Promise<void> {
  const builtAt = statSync(stampFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (['apps', 'shared'].flatMap(listSources).every((file) => statSync(file).mtimeMs <= builtAt)) return;
  await new Promise<void>((resolve, reject) => {
    const args = [join(rootDir, 'apps/local/bootstrap.js'), 'build'];
    execFile(process.execPath, args, { cwd: rootDir, timeout: buildTimeoutMs }, (error, stdout, stderr) => {
      if (error) reject(new Error(`npm run build failed:\n${stdout}${stderr}`));
      else resolve();
    });
  });
}

function listSources(folder: string): string[] {
  return readdirSync(join(rootDir, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(rootDir, folder, name));
}
