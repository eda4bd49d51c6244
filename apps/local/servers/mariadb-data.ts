import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { getBinary } from './binaries.ts';

/** MariaDB and MySQL set their umask themselves, by these. */
export const ownerAlone = { UMASK: '0600', UMASK_DIR: '0700' };

interface DataFolderOptions {
  /** mariadbd or mysqld. */
  binary: string;
  dataDir: string;
  log: ((line: string) => void) | undefined;
  signal: AbortSignal | undefined;
}

/**
 * Makes the data folder of a new MariaDB or MySQL; one that exists is left alone. It gets its name when it is
 * complete, so that an interrupted first start is simply done again.
 */
export async function createDataFolder({ binary, dataDir, log, signal }: DataFolderOptions): Promise<void> {
  if (existsSync(dataDir)) return;
  log?.(`Creating a database folder in ${dirname(dataDir)} …`);
  const unfinishedDir = `${dataDir}.unfinished`;
  rmSync(unfinishedDir, { recursive: true, force: true });
  mkdirSync(unfinishedDir, { recursive: true, mode: 0o700 });
  const temporaryDir = makeTemporaryDir(dataDir);
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  const plain = makePlainPath(unfinishedDir);
  const runHere = (command: string, args: string[]) =>
    run(command, ['--no-defaults', `--datadir=${plain.path}`, ...args, ...asRoot], temporaryDir, signal);

  try {
    if (isMariadb(binary))
      await runHere(getBinary('mariadb-install-db'), ['--auth-root-authentication-method=normal', '--skip-test-db']);
    else await runHere(binary, ['--initialize-insecure', `--secure-file-priv=${temporaryDir}`]);
  } finally {
    plain.remove();
  }
  renameSync(unfinishedDir, dataDir);
}

/** A way to the folder without spaces and the like: MariaDB's script does not quote it where it is root's. */
function makePlainPath(dir: string): { readonly path: string; readonly remove: () => void } {
  if (/^[\w./-]+$/.test(dir)) return { path: dir, remove: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), 'wafer-'));
  const path = join(folder, 'data');
  symlinkSync(dir, path);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
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

function run(command: string, args: string[], temporaryDir: string, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...ownerAlone, TMPDIR: temporaryDir },
      // With the programs that it starts it is ended as one.
      detached: true,
    });
    const end = () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, 'SIGKILL');
    };
    signal?.addEventListener('abort', end, { once: true });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => {
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(new Error('interrupted'));
      else if (status === 0) resolve();
      else reject(new Error(`${command} failed with status ${status}:\n${output.split('\n').slice(-15).join('\n')}`));
    });
  });
}
