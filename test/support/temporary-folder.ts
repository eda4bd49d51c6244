import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryFolder {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/** Below TMPDIR, which `npm test` points into a folder of its own and sweeps at the end. */
export async function createTemporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `wafer-${name}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
