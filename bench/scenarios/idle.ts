import { setTimeout as sleep } from 'node:timers/promises';
import type { OtherBuild } from '../bench.ts';
import { countCpu, readResidentBytes } from '../measure/cpu.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import { counted, stopAll } from './login.ts';
import type { Scenario } from './scenario.ts';

const settleSeconds = 30;
const idleSeconds = 300;
const quickSeconds = 5;
const labels = ['web', 'worker', 'redis'];

/** What web, worker and Redis take while nobody asks anything, of this build and of another at the same time. */
export const buildIdle: Scenario = async (bench) => {
  const builds = [bench, bench.against as OtherBuild];
  const programs = [];
  try {
    const counts = [];
    for (const { stack } of builds) {
      const worker = await stack.startWorker({ cores: 'any' });
      const web = await stack.startWeb({ cores: 'any' });
      programs.push(web, worker);
      const redis = stack.shared.filter(({ label }) => label === 'redis');
      counts.push([...counted('web', web), ...counted('worker', worker), ...redis]);
    }
    bench.progress.step('build.idle: both builds settle');
    await sleep((bench.quick ? quickSeconds : settleSeconds) * 1000);
    const seconds = bench.quick ? quickSeconds : idleSeconds;
    bench.progress.step(`build.idle: nothing happens for ${seconds} s`);
    const spent = await Promise.all(
      counts.map(async (processes) => (await countCpu(processes, () => sleep(seconds * 1000))).cpuSeconds),
    );
    const resident = counts.map((processes) =>
      Object.fromEntries(processes.map(({ label, pid }) => [label, readResidentBytes(pid) ?? Number.NaN])),
    );
    const of = (figures: readonly Record<string, number>[], label: string) =>
      figures.map((each) => each[label] ?? Number.NaN) as [ours: number, peer: number];
    const sum = (figures: readonly Record<string, number>[], which: readonly string[]) =>
      figures.map((each) => which.reduce((total, label) => total + (each[label] ?? Number.NaN), 0));
    const [oursSpent = Number.NaN, otherSpent = Number.NaN] = sum(spent, labels);
    const [oursBytes = Number.NaN, otherBytes = Number.NaN] = sum(resident, ['web', 'worker']);
    const memory = oursBytes / otherBytes;
    const row = (name: string, [ours, other]: readonly number[], unit = 1) => [
      name,
      number((ours ?? Number.NaN) / unit),
      number((other ?? Number.NaN) / unit),
      number((ours ?? Number.NaN) / (other ?? Number.NaN)),
    ];
    return {
      name: 'build.idle',
      unit: 'processor time while idle, this build ÷ the other',
      ours: { cpuSeconds: oursSpent, residentBytes: oursBytes },
      peer: { cpuSeconds: otherSpent, residentBytes: otherBytes },
      ratio: spreadOf([oursSpent / otherSpent]),
      rounds: [{ spent, resident }],
      voided: 0,
      tables: [
        {
          title: `build.idle: what is taken while nobody asks anything, for ${seconds} s`,
          columns: ['', 'ours', 'other', 'ratio'],
          rows: [
            ...labels.map((label) => row(`processor seconds, ${label}`, of(spent, label))),
            ...['web', 'worker'].map((label) => row(`resident MiB, ${label}`, of(resident, label), 2 ** 20)),
          ],
        },
      ],
      notes: [`resident memory of web and worker, this build ÷ the other: ${memory.toFixed(2)}`],
    };
  } finally {
    await stopAll(programs);
  }
};
