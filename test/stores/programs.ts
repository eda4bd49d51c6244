import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Row, Suite } from './rows.ts';

/** What the servers' own scripts call. */
const tools = ['bash', 'dash', 'coreutils', 'sed', 'grep', 'mawk', 'hostname', 'findutils'];
const packages: Readonly<Record<Suite, readonly string[]>> = {
  bookworm: ['mariadb-server-core', 'mariadb-client-core', 'redis-server', 'redis-tools'],
  trixie: [
    'mariadb-server-core',
    'mariadb-client-core',
    'valkey-server',
    'valkey-tools',
    'redis-server',
    'redis-tools',
  ],
  sid: ['mysql-server-core', 'mysql-client-core', 'valkey-server', 'valkey-tools', 'redis-server', 'redis-tools'],
};

/** Unpacks a release's servers into a folder, without installing anything on this machine. @throws if mmdebstrap fails */
export function unpackSuite(suite: Suite, dir: string): void {
  if (existsSync(join(dir, 'complete'))) return;
  const include = [...packages[suite], ...tools].join(',');
  const source = `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror()} ${suite} main`;
  const options = ['--quiet', '--variant=extract', '--mode=root', '--aptopt=Acquire::Check-Valid-Until "false"'];
  mkdirSync(dir, { recursive: true });
  execFileSync('mmdebstrap', [...options, `--include=${include}`, suite, dir, source], { stdio: 'inherit' });
  for (const name of ['lib', 'lib64', 'bin', 'sbin'])
    if (!existsSync(join(dir, name))) symlinkSync(`usr/${name}`, join(dir, name));
  if (!existsSync(join(dir, 'usr/bin/sh'))) symlinkSync('dash', join(dir, 'usr/bin/sh'));
  for (const name of ['proc', 'dev', 'tmp', 'run', 'var/lib/mysql-files'])
    mkdirSync(join(dir, name), { recursive: true });
  // Names of users and hosts, which the servers' own scripts look up.
  for (const name of ['hosts', 'nsswitch.conf', 'passwd', 'group'])
    if (existsSync(`/etc/${name}`)) copyFileSync(`/etc/${name}`, join(dir, 'etc', name));
  writeFileSync(join(dir, 'complete'), '');
}

/** Where this machine gets its packages from. */
function mirror(): string {
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...readdirSync(folder).map((name) => join(folder, name))];
  for (const file of files.filter((each) => existsSync(each))) {
    const found = /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(\S*debian\/?)(?:\s|$)/m.exec(readFileSync(file, 'utf8'));
    if (found?.[1] !== undefined) return found[1];
  }
  return 'http://deb.debian.org/debian';
}

/**
 * A folder of commands that run a row's servers under the names by which the tests look for servers. Each sees this machine's temporary folder,
 * in which the tests keep their data, under its own name.
 */
export function writeCommands(row: Row, suitesDir: string, dir: string): void {
  mkdirSync(dir, { recursive: true });
  const command = (name: string, suite: Suite, program: string, args: readonly string[] = []) => {
    const root = join(suitesDir, suite);
    const temporary = tmpdir();
    mkdirSync(join(root, temporary), { recursive: true });
    const mounts = [`/proc`, `/dev`, temporary].map((path) => `mount --bind ${path} ${root}${path}`).join(' && ');
    // Behind --no-defaults, which has to be the first, and before what a test wants otherwise.
    const run = `exec chroot ${root} ${program} "$first" ${args.join(' ')} "$@"`;
    const lines = ['#!/bin/sh', `exec unshare -m sh -c '${mounts} && first=$1 && shift && ${run}' sh "$@"`];
    writeFileSync(join(dir, name), `${lines.join('\n')}\n`);
    chmodSync(join(dir, name), 0o755);
  };
  const { database, redis } = row;
  if (database.kind === 'mysql') {
    command('mariadbd', database.suite, '/usr/sbin/mysqld', database.args);
    command('mysqldump', database.suite, '/usr/bin/mysqldump');
    command('mysql', database.suite, '/usr/bin/mysql');
  } else {
    command('mariadbd', database.suite, '/usr/sbin/mariadbd', database.args);
    command('mariadb-install-db', database.suite, '/usr/bin/mariadb-install-db');
    command('mariadb-dump', database.suite, '/usr/bin/mariadb-dump');
    command('mariadb', database.suite, '/usr/bin/mariadb');
  }
  command('redis-server', redis.suite, `/usr/bin/${redis.kind}-server`);
  command('redis-cli', redis.suite, `/usr/bin/${redis.kind}-cli`);
}

/** The version that a command of `writeCommands` reports. */
export function versionOf(dir: string, name: string): string {
  const { stdout } = spawnSync(join(dir, name), ['--version'], { encoding: 'utf8' });
  return /(?:v=|Ver )(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? 'unknown';
}

/** The node of this major version, from npm. @returns the path of its program */
export function installNode(major: number, dir: string): string {
  const name = `node-${process.platform}-${process.arch}`;
  const program = join(dir, 'node_modules', name, 'bin', 'node');
  if (!existsSync(program)) {
    const args = ['install', '--prefix', dir, '--no-audit', '--no-fund', '--engine-strict=false', `${name}@${major}`];
    mkdirSync(dir, { recursive: true });
    execFileSync('npm', args, { stdio: 'inherit' });
  }
  return program;
}
