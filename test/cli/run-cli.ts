import { spawn } from 'node:child_process';
import { programArgs, rootDir } from '../support/built.ts';
import { noteKeys, noteSecret, trace } from '../support/traces.ts';

export interface CliRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
  /** Standard output as the one JSON document that it must be. */
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the command says
  readonly json: any;
}

/** Runs the real command line as a process of its own, without a terminal. */
export async function runCli(
  env: Record<string, string>,
  args: readonly string[],
  { stdin = '' }: { stdin?: string } = {},
): Promise<CliRun> {
  // What is typed is an app's secret.
  noteSecret('app secret', stdin.trim());
  noteKeys(env['WAFER_KEYS']);
  const program = await programArgs('cli/main');
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...program, ...args], {
    cwd: rootDir,
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: process.env['TMPDIR'] ?? '/tmp', ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  trace('cli', stdout + stderr);
  const run = { status, stdout, stderr, durationMs: performance.now() - startedAt };
  return { ...run, json: args.includes('--json') ? (JSON.parse(stdout) as unknown) : undefined };
}
