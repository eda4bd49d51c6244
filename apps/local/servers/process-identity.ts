import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const pidFileSchema = z.object({ pid: z.number().int().positive(), identity: z.string().min(1) });

/**
 * A text that stays the same as long as this very process lives, and differs for another process that gets the same
 * pid later; undefined when no such process runs (a zombie counts as gone).
 */
export function readProcessIdentity(pid: number): string | undefined {
  return process.platform === 'linux' ? readIdentityFromProc(pid) : readIdentityFromPs(pid);
}

function readIdentityFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command may hold spaces and parentheses: proc(5) fields are counted from behind the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

function readIdentityFromPs(pid: number): string | undefined {
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return stdout?.trim() || undefined;
}

export function writePidFile(path: string, pid: number): void {
  writeFileSync(path, JSON.stringify({ pid, identity: readProcessIdentity(pid) ?? 'gone' }));
}

/** The pid in the file, if the very process that it was written for is still alive. */
export function findLivePid(path: string): number | undefined {
  try {
    const { pid, identity } = pidFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return readProcessIdentity(pid) === identity ? pid : undefined;
  } catch {
    return undefined;
  }
}
