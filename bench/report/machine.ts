import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { getBinary } from '../../apps/local/servers/binaries.ts';
import { hasWrk } from '../load/load.ts';
import { canPin } from '../stack/cores.ts';

/** Where and with what a report was made, as one paragraph. */
export function describeMachine({ rounds, seconds }: { rounds: number; seconds: number }): string {
  const versionOf = (program: string) =>
    spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim().split('\n')[0] ?? '';
  const processors = cpus();
  return [
    `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}.`,
    `${versionOf(getBinary('redis-server'))}; ${versionOf(getBinary('mariadbd'))}.`,
    `Load by ${hasWrk ? 'wrk' : 'autocannon'}${canPin ? '' : ', processes not pinned to cores (no taskset)'};`,
    `${rounds} rounds of ${seconds} s for each side, in turn.`,
  ].join('\n');
}
