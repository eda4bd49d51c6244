import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { findLivePid, readProcessIdentity } from './servers/process-identity.ts';

/**
 * Makes this process the only one that holds the file; returns how to give it back. Throws with advice when another
 * live process has it; what a killed one left is taken over.
 */
export function takeStartLock(file: string): () => void {
  mkdirSync(dirname(file), { recursive: true });
  const content = JSON.stringify({ pid: process.pid, identity: readProcessIdentity(process.pid) });
  for (;;) {
    try {
      writeFileSync(file, content, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = findLivePid(file);
    if (pid !== undefined) {
      throw new Error(
        `npm start is already running in this folder (process ${pid}). Stop it with Ctrl-C or: kill ${pid}`,
      );
    }
    rmSync(file, { force: true });
  }
}
