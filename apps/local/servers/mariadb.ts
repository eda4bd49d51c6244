import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createConnection } from 'mysql2/promise';

import { getBinary } from './binaries.ts';
import { createDataFolder, makeTemporaryDir, ownerAlone } from './mariadb-data.ts';
import { readOrMakePassword } from './password.ts';
import { findFreePort } from './ports.ts';
import { ServerStartError, startServerProcess, stopLeftOver, type ServerProcess } from './server-process.ts';

const portAttempts = 3;
/** sun_path of unix(7) holds 108 bytes, some systems have 104. */
const longestSocketPath = 100;

export interface MariadbServer extends ServerProcess {
  /** Names the database cAuth, which the migration creates; its user may do everything in it and nothing elsewhere. */
  readonly url: string;
  /** root, without a database. */
  readonly adminUrl: string;
  readonly port: number;
}

export interface MariadbOptions {
  /** Folder of this server alone, an absolute path; made if it is missing. */
  dir: string;
  /** Default: the mariadbd or mysqld of this machine. */
  binary?: string;
  /** Default: any free port. */
  port?: number;
  /** More arguments of mariadbd; they win over ours. */
  args?: readonly string[];
  /** True: fast instead of durable, and stopping is immediate, for tests. */
  ephemeral?: boolean;
  log?: (line: string) => void;
  /** Gives up and stops what has been started so far. */
  signal?: AbortSignal | undefined;
}

/** Starts a private MariaDB (or MySQL) on 127.0.0.1. Throws with the end of its log when it does not start. */
export async function startMariadb(options: MariadbOptions): Promise<MariadbServer> {
  const { dir, ephemeral = false, binary = getBinary('mariadbd') } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (await stopLeftOver(dir)) options.log?.(`Stopped the MariaDB that an earlier run left behind in ${dir}`);
  const dataDir = join(dir, 'data');
  await createDataFolder({ binary, dataDir, log: options.log, signal: options.signal });

  const password = readOrMakePassword(dir);
  const initFile = join(dir, 'init.sql');
  writeFileSync(initFile, initSql(password), { mode: 0o600 });
  const socket = socketPathFor(dir);

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort());
    const adminUrl = `mysql://root:${password}@127.0.0.1:${port}`;
    try {
      const server = await startServerProcess({
        name: 'mariadb',
        binary,
        args: [...serverArgs({ dataDir, socket, port, initFile, ephemeral }), ...(options.args ?? [])],
        dir,
        env: ownerAlone,
        isReady: () => acceptsLogins(adminUrl),
        readyTimeoutMs: 90_000,
        signal: options.signal,
        stopSignal: ephemeral ? 'SIGKILL' : 'SIGTERM',
      });
      void server.exited.then(() => rmSync(socket, { force: true }));
      return {
        ...server,
        port,
        adminUrl,
        url: `mysql://wafer:${password}@127.0.0.1:${port}/cAuth`,
      };
    } catch (error) {
      // Somebody else may have taken the free port in between.
      const retry = error instanceof ServerStartError && error.died && options.port === undefined;
      if (!retry || attempt === portAttempts) throw error;
    }
  }
}

interface ServerArgs {
  dataDir: string;
  socket: string;
  port: number;
  initFile: string;
  ephemeral: boolean;
}

function serverArgs({ dataDir, socket, port, initFile, ephemeral }: ServerArgs): string[] {
  // --no-defaults comes first: the configuration of the machine's own server is none of our business.
  const args = ['--no-defaults', `--datadir=${dataDir}`, `--socket=${socket}`, '--bind-address=127.0.0.1'];
  args.push(
    `--tmpdir=${makeTemporaryDir(dataDir)}`,
    // MySQL's own folder for this may not exist, and then it does not start.
    `--secure-file-priv=${makeTemporaryDir(dataDir)}`,
    `--port=${port}`,
    `--pid-file=${join(dataDir, 'mysqld.pid')}`,
    `--init-file=${initFile}`,
  );
  args.push('--max-connections=500', '--skip-name-resolve', '--skip-log-bin', '--loose-mysqlx=0');
  if (process.getuid?.() === 0) args.push('--user=root');
  if (ephemeral) {
    args.push('--innodb-flush-log-at-trx-commit=0', '--skip-innodb-doublewrite', '--innodb-buffer-pool-size=64M');
    args.push('--performance-schema=OFF', '--key-buffer-size=1M');
  }
  return args;
}

/**
 * Run by the server at every start, before it accepts connections. Names are not resolved, so who comes over TCP is
 * at 127.0.0.1 and nobody without the password gets in.
 */
function initSql(password: string): string {
  const statements = ["DROP USER IF EXISTS ''@'localhost', 'root'@'::1'"];
  for (const [user, host] of [
    ['root', 'localhost'],
    ['root', '127.0.0.1'],
    ['wafer', '127.0.0.1'],
  ]) {
    statements.push(`CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}'`);
    statements.push(`ALTER USER '${user}'@'${host}' IDENTIFIED BY '${password}'`);
  }
  statements.push("GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION");
  statements.push("GRANT ALL PRIVILEGES ON `cAuth`.* TO 'wafer'@'127.0.0.1'");
  return statements.map((statement) => `${statement};\n`).join('');
}

function socketPathFor(dir: string): string {
  const path = join(dir, 'mysqld.sock');
  if (Buffer.byteLength(path) <= longestSocketPath) return path;
  return join(tmpdir(), `wafer-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}.sock`);
}

/** Only our own server knows the password, so an answer proves that it is ours. */
async function acceptsLogins(url: string): Promise<boolean> {
  const connection = await createConnection({ uri: url, connectTimeout: 2000 });
  await connection.end();
  return true;
}
