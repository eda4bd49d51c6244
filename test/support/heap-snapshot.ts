import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProcess } from './processes.ts';
import { until } from './until.ts';

/** Flags by which a program writes what it remembers into a folder when it gets SIGUSR2; strings in their whole length. */
export function heapSnapshotFlags(folder: string): string[] {
  return ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${folder}`, '--heap-snapshot-string-limit=10000000'];
}

/** Everything that a program remembers, as text to be searched. What nobody refers to any more is collected before. */
export async function takeHeapSnapshot(program: TestProcess, folder: string): Promise<string> {
  const find = () => readdirSync(folder).filter((name) => name.endsWith('.heapsnapshot'));
  program.kill('SIGUSR2');
  let size = -1;
  await until('the snapshot is written', () => {
    const [name] = find();
    if (name === undefined) return false;
    const before = size;
    size = statSync(join(folder, name)).size;
    return size > 0 && size === before && readFileSync(join(folder, name), 'latin1').trimEnd().endsWith(']}');
  });
  const file = join(folder, find()[0] as string);
  const text = readFileSync(file, 'latin1');
  rmSync(file);
  return text;
}
