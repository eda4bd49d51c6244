import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

import { rootDir } from './built.ts';
import type { OnClose } from './closing.ts';
import { keepTraces } from './traces.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

interface Pm2Process {
  readonly name: string;
  /** 0 when it does not run. */
  readonly pid: number;
  /** `online`, `stopped`, … */
  readonly status: string;
  /** `cluster_mode` or `fork_mode`. */
  readonly mode: string;
  /** Flags of Node. */
  readonly nodeFlags: readonly string[];
  /** Of its last run, if that has ended. */
  readonly exitCode: number | undefined;
}

/** A pm2 of the test's own: its daemon, lists and logs lie in a temporary folder. */
export interface Pm2 {
  /** Runs a command of pm2. @throws with its output if its exit status is not 0 */
  run(...args: string[]): Promise<string>;
  /** The same from a shell with these variables too. */
  runWith(env: Record<string, string>, ...args: string[]): Promise<string>;
  /** Where its lists and logs lie. */
  readonly home: string;
  list(name: string): Promise<Pm2Process[]>;
  /** What the processes of an app have written to standard output. */
  readLog(name: string): string;
}

interface ListedProcess {
  readonly name: string;
  readonly pid: number;
  readonly pm2_env: {
    readonly status: string;
    readonly exec_mode: string;
    readonly node_args: readonly string[];
    readonly exit_code?: number;
  };
}

const require = createRequire(import.meta.url);
const program = require.resolve('pm2/bin/pm2');
const commandTimeoutMs = 120_000;

/**
 * @param env what the processes get, beside the few variables that every program needs
 * @param cwd where the commands are given; the project's folder unless it is said
 * @param onClose ends the daemon and all its processes, in whatever state they are
 */
export async function createPm2({
  env,
  cwd = rootDir,
  onClose,
}: {
  env: Record<string, string>;
  cwd?: string;
  onClose: OnClose;
}): Promise<Pm2> {
  const home = await createTemporaryFolder('pm2');
  const { PATH, HOME, TMPDIR } = process.env;
  const environment = { PATH, HOME, TMPDIR, ...env, PM2_HOME: home.path };

  const runWith = (more: Record<string, string>, ...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      const options = { cwd, env: { ...environment, ...more }, timeout: commandTimeoutMs, maxBuffer: 16_777_216 };
      execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
        if (error) reject(new Error(`pm2 ${args.join(' ')} failed: ${error.message}\n${stdout}${stderr}`));
        else resolve(stdout);
      });
    });
  const run = (...args: string[]) => runWith({}, ...args);
  const listAll = async () => JSON.parse(await run('jlist', '--silent')) as ListedProcess[];

  onClose(async () => {
    const daemon = readPid(join(home.path, 'pm2.pid'));
    if (daemon !== undefined) {
      const processes = await listAll().catch(() => []);
      await run('kill').catch(() => undefined);
      // Whatever `pm2 kill` could not end.
      const left = [daemon, ...processes.map(({ pid }) => pid)].filter((pid) => pid > 0 && isAlive(pid));
      left.forEach((pid) => process.kill(pid, 'SIGKILL'));
      await until('pm2 and its processes are gone', () => !left.some(isAlive));
    }
    await keepTraces(join(home.path, 'logs'), basename(home.path));
    await home.remove();
  });
  return {
    run,
    runWith,
    home: home.path,
    async list(name) {
      const processes = (await listAll()).filter((listed) => listed.name === name);
      return processes.map(({ pid, pm2_env: { status, exec_mode, node_args, exit_code } }) => {
        return { name, pid, status, mode: exec_mode, nodeFlags: node_args, exitCode: exit_code };
      });
    },
    readLog: (name) => readFileSync(join(home.path, 'logs', `${name}-out.log`), 'utf8'),
  };
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
