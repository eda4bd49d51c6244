import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { rootDir } from './built.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

/** A checkout of its own, as far as `npm start` needs one, with the packages of this one. */
export async function createCheckout(
  onClose: (close: () => Promise<void>) => void,
  name = 'checkout',
): Promise<string> {
  const folder = await createTemporaryFolder('npm-start');
  onClose(folder.remove);
  const checkout = join(folder.path, name);
  await mkdir(checkout);
  await cp(join(rootDir, 'dist/apps'), join(checkout, 'dist/apps'), { recursive: true });
  await cp(join(rootDir, 'dist/shared'), join(checkout, 'dist/shared'), { recursive: true });
  await cp(join(rootDir, 'sql'), join(checkout, 'sql'), { recursive: true });
  await cp(join(rootDir, 'package.json'), join(checkout, 'package.json'));
  await symlink(join(rootDir, 'node_modules'), join(checkout, 'node_modules'));
  return checkout;
}

export interface NpmStart {
  readonly child: ChildProcess;
  /** Everything that it has said. */
  said(): string;
  /** Settles when that text was said. @throws with everything that was said if it ends before */
  says(text: string | RegExp): Promise<string>;
  /** As Ctrl-C does. @returns the exit status */
  stop(): Promise<number | null>;
}

/** `npm start` in that checkout, after its installation and build. */
export function runNpmStart(
  checkout: string,
  onClose: (close: () => Promise<void>) => void,
  env: Record<string, string> = {},
): NpmStart {
  const child = spawn(process.execPath, ['--enable-source-maps', 'dist/apps/local/main.js'], {
    cwd: checkout,
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: process.env['TMPDIR'] ?? '/tmp', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let wake = () => {};
  const hear = (chunk: Buffer) => {
    said += String(chunk);
    wake();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  let hasEnded = false;
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (status) => {
      hasEnded = true;
      resolve(status);
      wake();
    });
  });
  const stop = async () => {
    child.kill('SIGINT');
    return ended;
  };
  onClose(async () => void (await stop()));
  return {
    child,
    said: () => said,
    async says(text) {
      const isSaid = () => (typeof text === 'string' ? said.includes(text) : text.test(said));
      while (!isSaid()) {
        if (hasEnded) throw new Error(`npm start ended without saying ${String(text)}:\n${said}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return said;
    },
    stop,
  };
}
