import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { Readable, Writable } from 'node:stream';
import { runCli as run } from '../../../apps/cli/program.ts';
import { programArgs } from '../../support/built.ts';
import { noteKeys, noteSecret, trace } from '../../support/traces.ts';

export interface CliRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as the one JSON document that it must be. */
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the command says
  readonly json: any;
}

interface Input {
  readonly stdin?: string;
}

/** Runs a command line as `wafer` does, without a terminal; in this process, as the start of one costs more than most commands. */
export async function runCli(
  env: Record<string, string>,
  args: readonly string[],
  { stdin = '' }: Input = {},
): Promise<CliRun> {
  const stdout = collect();
  const stderr = collect();
  const streams = { stdin: Readable.from([stdin]), stdout: stdout.stream, stderr: stderr.stream };
  const status = await run(args, env, streams);
  return toRun(env, args, stdin, { status, stdout: stdout.text(), stderr: stderr.text() });
}

/** The same as a process of its own. */
export async function runCliProcess(
  env: Record<string, string>,
  args: readonly string[],
  { stdin = '' }: Input = {},
): Promise<CliRun> {
  const child = spawn(process.execPath, [...programArgs('cli/main'), ...args], {
    // Not the project's folder: after `npm start` the command would take its stores for those that a test does not name.
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: process.env['TMPDIR'] ?? '/tmp', ...env },
  });
  const stdout = collect();
  const stderr = collect();
  child.stdout.pipe(stdout.stream);
  child.stderr.pipe(stderr.stream);
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return toRun(env, args, stdin, { status, stdout: stdout.text(), stderr: stderr.text() });
}

function collect(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}

function toRun(
  env: Record<string, string>,
  args: readonly string[],
  stdin: string,
  seen: Omit<CliRun, 'json'>,
): CliRun {
  // What is typed is an app's secret.
  noteSecret('app secret', stdin.trim());
  noteKeys(env['WAFER_KEYS']);
  // A key is shown once, to whom it is made for; nowhere else.
  const key = args[0] === 'caller' && args[1] === 'add' ? /\/k\/([\w-]+)\//.exec(seen.stdout)?.[1] : undefined;
  noteSecret('caller key', key);
  // An export shows a person what is kept, to whoever asks for it.
  const isExport = args[0] === 'user' && args[1] === 'export';
  const printed = isExport ? seen.stderr : seen.stdout + seen.stderr;
  // So is what lets an operator in.
  const lettingIn =
    args[0] === 'operator'
      ? /(?:#token=|\b(?=wafer_))((?:without-totp\.)?[\w-]{20,})/.exec(seen.stdout)?.[1]
      : undefined;
  noteSecret('token or link of an operator', lettingIn);
  const secret = args[0] === 'events' ? /whsec_[\w+/=]+/.exec(seen.stdout)?.[0] : undefined;
  noteSecret('secret of an endpoint', secret);
  const shown = [key, lettingIn, secret].filter((each) => each !== undefined);
  trace(
    'cli',
    shown.reduce((text, each) => text.replaceAll(each, ''), printed),
  );
  return { ...seen, json: args.includes('--json') ? (JSON.parse(seen.stdout) as unknown) : undefined };
}
