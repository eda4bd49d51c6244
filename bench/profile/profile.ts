import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { RequestSource } from '../load/source.ts';
import { measureSide } from '../measure/side.ts';
import { renderTable } from '../report/tables.ts';
import { counted, stopAll } from '../scenarios/login.ts';
import type { ScenarioName } from '../scenarios/names.ts';
import { fullLoadConnections } from '../scenarios/scenario.ts';
import { readCpuProfile, walk, type Frame } from './cpu-profile.ts';
import { renderFlameGraph } from './flame-graph.ts';

const shownRows = 70;

/** Profiles web and worker under the load of a comparison: flame graphs as SVG, and where the time went as tables. */
export async function profileScenario(bench: Bench, name: ScenarioName, svgDir: string): Promise<void> {
  const { stack, progress } = bench;
  const source = await sourceOf(bench, name);
  const isLogin = name.startsWith('login.');
  stack.place(isLogin ? 'any' : 'rest');
  const dirOf = (label: string) => join(stack.dir, 'profiles', name, label);
  const nodeArgs = (label: string) => {
    mkdirSync(dirOf(label), { recursive: true });
    return ['--cpu-prof', `--cpu-prof-dir=${dirOf(label)}`];
  };
  const worker = await stack.startWorker({ cores: isLogin ? 'any' : 'rest', nodeArgs: nodeArgs('worker') });
  const web = await stack.startWeb({ cores: isLogin ? 'any' : 'first', nodeArgs: nodeArgs('web') });
  let [startedAt, endedAt] = [0, 0];
  try {
    const side = {
      urls: [web.url],
      shares: [{ source, share: 1 }],
      processes: [...counted('web', web), ...counted('worker', worker)],
      connections: fullLoadConnections,
    };
    progress.step(`${name}: warming up`);
    await measureSide(bench, side, bench.warmUpSeconds, isLogin ? 'any' : 'rest');
    progress.step(`${name}: under load with a profiler`);
    startedAt = performance.now();
    const measured = await measureSide(bench, side, bench.roundSeconds * 2, isLogin ? 'any' : 'rest');
    endedAt = performance.now();
    const cpu = Object.entries(measured.cpuSecondsPer1000).map(([label, spent]) => `${label} ${spent.toFixed(3)}`);
    console.log(`${name}: processor seconds per 1,000 requests: ${cpu.join(', ')}`);
    console.log(
      `${name}: ${Math.round(measured.requestsPerSecond)}/s with the profiler on, ${measured.errors} errors ${measured.errorSample ?? ''}`,
    );
  } finally {
    await stopAll([web]);
  }
  const webEndedAt = performance.now();
  await worker.stop();
  const ends = { web: webEndedAt, worker: performance.now() };
  for (const label of ['web', 'worker'] as const) {
    const [file] = readdirSync(dirOf(label));
    if (file === undefined) throw new Error(`${label} left no profile`);
    const root = readCpuProfile(join(dirOf(label), file), {
      fromMs: ends[label] - startedAt,
      toMs: ends[label] - endedAt,
    });
    const svgFile = join(svgDir, `flame-${name}-${label}.svg`);
    writeFileSync(svgFile, renderFlameGraph(root, `${label} during ${name}`));
    console.log(`\n${label} during ${name}: ${svgFile}\n`);
    console.log(renderTable(tableOf(root, 'package', ({ origin }) => origin)));
    console.log('');
    console.log(renderTable(tableOf(root, 'function', (frame) => `${frame.name} (${frame.origin})`)));
  }
}

function sourceOf({ dataset }: Bench, name: ScenarioName): Promise<RequestSource> {
  if (name === 'auth.zipf') return dataset.zipf();
  return name.startsWith('login.') ? dataset.logins() : dataset.even();
}

function tableOf(root: Frame, column: string, keyOf: (frame: Frame) => string) {
  const selfUs = new Map<string, number>();
  for (const frame of walk(root)) selfUs.set(keyOf(frame), (selfUs.get(keyOf(frame)) ?? 0) + frame.selfUs);
  const rows = [...selfUs].sort(([, one], [, other]) => other - one).slice(0, shownRows);
  return {
    title: '',
    columns: [column, 'share of the busy time'],
    rows: rows.map(([key, us]) => [key, `${((us / root.totalUs) * 100).toFixed(1)} %`]),
  };
}
