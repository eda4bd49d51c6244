import { setTimeout } from 'node:timers/promises';
import { countCpu, type CountedProcess } from './cpu.ts';

const lookMs = 500;
/** All of them together, as a share of one core. */
const idleShare = 0.1;
/** What still works after this is taken as its usual state. */
const patienceMs = 15_000;

/** Waits until what a load has left to be done, such as visits on their way to MySQL, is done. */
export async function untilIdle(processes: readonly CountedProcess[]): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const { cpuSeconds } = await countCpu(processes, () => setTimeout(lookMs));
    const spent = Object.values(cpuSeconds).reduce((sum, each) => sum + each, 0);
    if (spent < (idleShare * lookMs) / 1000) return;
  }
}
