import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/**
 * Where processes run:
 * - `first`: the process that a comparison is about, alone on core 0
 * - `rest`: the load and everything that both sides share
 * - `any`: wherever the system likes
 */
export type Cores = 'first' | 'rest' | 'any';

const coreCount = availableParallelism();
const lists: Record<Cores, string> = {
  first: '0',
  rest: coreCount > 2 ? `1-${coreCount - 1}` : '1',
  any: `0-${coreCount - 1}`,
};

export const canPin = coreCount > 1 && spawnSync('taskset', ['--version']).status === 0;

const canBatch = spawnSync('chrt', ['--batch', '0', 'true']).status === 0;

/** The command line that runs `program` on these cores. Its pid is that of the program: taskset becomes it. */
export function onCores(cores: Cores, program: string, args: readonly string[]): { program: string; args: string[] } {
  if (!canPin || cores === 'any') return { program, args: [...args] };
  return { program: 'taskset', args: ['-c', lists[cores], program, ...args] };
}

/**
 * The same for what generates load: as a batch process (SCHED_BATCH), which waits for its turn instead of interrupting whom an answer woke it from.
 * In the field it runs on another machine and interrupts nobody.
 */
export function loadOnCores(cores: Cores, program: string, args: readonly string[]): ReturnType<typeof onCores> {
  const command = onCores(cores, program, args);
  if (!canBatch) return command;
  return { program: 'chrt', args: ['--batch', '0', command.program, ...command.args] };
}

/** Moves a running process with all its threads. */
export function moveTo(cores: Cores, pid: number): void {
  if (canPin) spawnSync('taskset', ['-acp', lists[cores], String(pid)]);
}
