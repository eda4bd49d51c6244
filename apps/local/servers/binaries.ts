import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Other names of the same program, the preferred first. */
const names = {
  'redis-server': ['redis-server', 'valkey-server'],
  mariadbd: ['mariadbd', 'mysqld'],
  'mariadb-install-db': ['mariadb-install-db', 'mysql_install_db'],
  nginx: ['nginx'],
  haproxy: ['haproxy'],
  prometheus: ['prometheus'],
  promtool: ['promtool'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
} as const;

export type Binary = keyof typeof names;
export type ServerKind = 'redis' | 'mariadb';

/** Servers are often installed where an ordinary user's PATH does not look. */
const extraFolders = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/bin',
  '/usr/libexec',
  '/opt/homebrew/bin',
];

/** The absolute path of a program of this machine. */
export function findBinary(binary: Binary): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...extraFolders];
  for (const name of names[binary]) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}

/** Like findBinary; throws when the program is not on this machine. */
export function getBinary(binary: Binary): string {
  const path = findBinary(binary);
  if (!path) throw new Error(`None of ${names[binary].join(', ')} is on this machine`);
  return path;
}

/** Which of the wanted servers this machine has no program for. */
export function findMissingServers(wanted: readonly ServerKind[]): ServerKind[] {
  return wanted.filter((kind) => !findBinary(kind === 'redis' ? 'redis-server' : 'mariadbd'));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
