import { readdirSync, readFileSync } from 'node:fs';

/**
 * Ends the processes that still carry this variable in their environment, as all descendants of our tests do, however
 * they were started. Returns what they were. Linux only; elsewhere nothing is found.
 */
export function killLeftOvers(variable: string, value: string): string[] {
  const entry = `${variable}=${value}`;
  const killed: string[] = [];
  for (const name of listProcesses()) {
    if (!readProc(name, 'environ').split('\0').includes(entry)) continue;
    const command = readProc(name, 'cmdline').replaceAll('\0', ' ').trim();
    try {
      process.kill(Number(name), 'SIGKILL');
      killed.push(command);
    } catch {
      // It has just ended by itself.
    }
  }
  return killed;
}

function listProcesses(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  } catch {
    return [];
  }
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
