import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';

export interface ProgramOptions {
  args: string[];
  cwd: string;
  env?: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Gets each line of the standard output. */
  onLine: (line: string) => void;
  /** True: the lines of the standard error too; false: it goes to ours. */
  readsErrors?: boolean;
  /** It gets what others leave of the processors. */
  isPatient?: boolean;
}

/** Runs a Node program to its end, and gives its exit status; an ended or aborted one has a status that is not 0. */
export async function runNode({
  args,
  cwd,
  env,
  signal,
  onLine,
  readsErrors = false,
  isPatient = false,
}: ProgramOptions): Promise<number> {
  if (signal.aborted) return 1;
  const child = spawn(process.execPath, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', readsErrors ? 'pipe' : 'inherit'],
  });
  if (isPatient && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const abort = () => child.kill('SIGTERM');
  signal.addEventListener('abort', abort);
  const closed = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', onLine);
  }
  try {
    return await closed;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
