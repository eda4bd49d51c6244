import type { CountedProcess } from '../measure/cpu.ts';
import type { Program } from '../stack/programs.ts';

/** Connections of a full load of log-ins: a group of clients that is always waiting. */
export const loginConnections = 64;

/** A log-in passes through so much code that its rate still climbs when a check's has long been steady. */
export const loginWarmUps = 4;

export function counted(label: string, ...programs: readonly { readonly pid: number }[]): CountedProcess[] {
  return programs.map(({ pid }) => ({ label, pid }));
}

export async function stopAll(programs: readonly Program[]): Promise<void> {
  await Promise.all(programs.map((program) => program.stop()));
}
