import { chmodSync, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';

const others = 0o077;

/**
 * Makes the folder, and takes every right of other users of this machine to it and to what is in it, whatever made it: it holds sessions,
 * passwords and logs. Links are left alone, and what they point to.
 */
export function keepFromOthers(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  tighten(dir);
}

function tighten(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  // A server that still runs may have removed it meanwhile.
  if (stats === undefined || stats.isSymbolicLink()) return;
  if (isOpen(stats)) chmodSync(path, stats.mode & 0o700);
  if (stats.isDirectory()) for (const name of readdirSync(path)) tighten(join(path, name));
}

function isOpen({ mode }: Stats): boolean {
  return (mode & others) !== 0;
}
