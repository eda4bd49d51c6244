import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { getBinary } from './binaries.ts';

interface DataFolderOptions {
  /** mariadbd or mysqld. */
  binary: string;
  dataDir: string;
  log: ((line: string) => void) | undefined;
}

/**
 * Makes the data folder of a new MariaDB or MySQL; one that exists is left alone. It gets its name when it is
 * complete, so that an interrupted first start is simply done again.
 */
export async function createDataFolder({ binary, dataDir, log }: DataFolderOptions): Promise<void> {
  if (existsSync(dataDir)) return;
  log?.(`Creating a database folder in ${dirname(dataDir)} …`);
  const unfinishedDir = `${dataDir}.unfinished`;
  rmSync(unfinishedDir, { recursive: true, force: true });
  mkdirSync(unfinishedDir, { recursive: true, mode: 0o700 });
  const temporaryDir = makeTemporaryDir(dataDir);
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];

  if (isMariadb(binary)) {
    const args = ['--no-defaults', `--datadir=${unfinishedDir}`, '--auth-root-authentication-method=normal'];
    await run(getBinary('mariadb-install-db'), [...args, '--skip-test-db', ...asRoot], temporaryDir);
  } else {
    await run(
      binary,
      ['--no-defaults', '--initialize-insecure', `--datadir=${unfinishedDir}`, ...asRoot],
      temporaryDir,
    );
  }
  renameSync(unfinishedDir, dataDir);
}

export function isMariadb(binary: string): boolean {
  return /mariadb/i.test(spawnSync(binary, ['--no-defaults', '--version'], { encoding: 'utf8' }).stdout ?? '');
}

/** Servers that share a folder for temporary tables delete each other's at start, so each has its own beside its data. */
export function makeTemporaryDir(dataDir: string): string {
  const dir = join(dirname(dataDir), 'tmp');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

function run(command: string, args: string[], temporaryDir: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: temporaryDir },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${command} failed with status ${status}:\n${output.split('\n').slice(-15).join('\n')}`));
    });
  });
}
