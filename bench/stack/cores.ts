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

/**
 * How the load shares its cores with what else is on them:
 * - `last`: as a batch process (SCHED_BATCH), which waits for its turn instead of interrupting whom an answer woke it from
 * - `first`: before all others (SCHED_RR), so that what is measured is not how long the load itself waits
 *
 * In the field it runs on another machine, where it neither interrupts nor waits.
 */
export type LoadTurn = 'last' | 'first';

const policies: Record<LoadTurn, string[]> = { last: ['--batch', '0'], first: ['--rr', '1'] };

const canTake = (turn: LoadTurn) => spawnSync('chrt', [...policies[turn], 'true']).status === 0;
/** `first` takes root, or a limit of real-time priority. */
export const turns: Readonly<Record<LoadTurn, boolean>> = { last: canTake('last'), first: canTake('first') };

/** The command line that runs `program` on these cores. Its pid is that of the program: taskset becomes it. */
export function onCores(cores: Cores, program: string, args: readonly string[]): { program: string; args: string[] } {
  if (!canPin || cores === 'any') return { program, args: [...args] };
  return { program: 'taskset', args: ['-c', lists[cores], program, ...args] };
}

/** The same for what generates load. */
export function loadOnCores(
  cores: Cores,
  turn: LoadTurn,
  program: string,
  args: readonly string[],
): ReturnType<typeof onCores> {
  const command = onCores(cores, program, args);
  if (!turns[turn]) return command;
  return { program: 'chrt', args: [...policies[turn], command.program, ...command.args] };
}

/** Moves a running process with all its threads. */
export function moveTo(cores: Cores, pid: number): void {
  if (canPin) spawnSync('taskset', ['-acp', lists[cores], String(pid)]);
}
