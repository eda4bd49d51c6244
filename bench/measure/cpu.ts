import { readFileSync, readdirSync } from 'node:fs';

/** A process whose processor time is counted, by the name that it has in the report. */
export interface CountedProcess {
  readonly label: string;
  readonly pid: number;
}

/** Linux counts in these on every machine that Node runs on. */
const ticksPerSecond = 100;

/** User and system time of a process so far, in seconds; undefined where there is no /proc. */
export function readCpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold anything; after it come state, ppid, …; utime and stime are the 14th and 15th of all.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return undefined;
  }
}

/** Resident memory of a process in bytes; undefined where there is no /proc. */
export function readResidentBytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** Processes that a process has started. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Runs `work` and gives the processor seconds that each label spent meanwhile. */
export async function countCpu<Result>(
  processes: readonly CountedProcess[],
  work: () => Promise<Result>,
): Promise<{ result: Result; cpuSeconds: Record<string, number> }> {
  const before = processes.map(({ pid }) => readCpuSeconds(pid));
  const result = await work();
  const cpuSeconds: Record<string, number> = {};
  processes.forEach(({ label, pid }, index) => {
    const [from, to] = [before[index], readCpuSeconds(pid)];
    if (from !== undefined && to !== undefined) cpuSeconds[label] = (cpuSeconds[label] ?? 0) + to - from;
  });
  return { result, cpuSeconds };
}
