import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArguments, usage, type Arguments } from './arguments.ts';
import { createNumbers, type Bench } from './bench.ts';
import { createDataset } from './data/dataset.ts';
import { loadWithAutocannon } from './load/autocannon.ts';
import { hasWrk } from './load/load.ts';
import { loadWithWrk } from './load/wrk.ts';
import { SkippedError, type Result } from './measure/result.ts';
import { profileScenario } from './profile/profile.ts';
import { describeMachine } from './report/machine.ts';
import { putIntoDocs } from './report/docs.ts';
import { writePlots } from './report/plot.ts';
import { createProgress, type Progress } from './report/progress.ts';
import { renderReport } from './report/tables.ts';
import { scenarios } from './scenarios/index.ts';
import type { ScenarioName } from './scenarios/names.ts';
import { installPeers } from './stack/peers.ts';
import { rootDir } from './stack/root-dir.ts';
import { startStack, type Stack } from './stack/stack.ts';

// Each process that is started is also ended when this one ends unexpectedly.
process.setMaxListeners(100);

const full = { rounds: 5, warmUpSeconds: 5, roundSeconds: 10, sessionCount: 200_000, users: 60_000 };
const quick = { rounds: 2, warmUpSeconds: 2, roundSeconds: 2, sessionCount: 50_000, users: 20_000 };

let parsed: Arguments | 'help';
try {
  parsed = parseArguments(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exit(2);
}
if (parsed === 'help') console.log(usage);
else process.exitCode = await run(parsed);

/** @returns the exit status: 1 if a comparison failed */
async function run(args: Arguments): Promise<number> {
  const { only, quick: isQuick, profile, jsonFile, svgDir: givenSvgDir, docs, against } = args;
  const svgDir = resolve(givenSvgDir ?? join(rootDir, '.data', 'bench'));
  const size = { ...(isQuick ? quick : full), ...args.size };
  const progress = createProgress(only.length);
  await installPeers(progress.log);
  const stacks = [await startStack(progress.log, rootDir)];
  const close = () => Promise.all(stacks.map((each) => each.close()));
  const closeAndQuit = () => void close().then(() => process.exit(130));
  process.once('SIGINT', closeAndQuit).once('SIGTERM', closeAndQuit);
  try {
    if (against !== undefined) stacks.push(await startStack(progress.log, resolve(against)));
    const [stack, other] = stacks as [Stack, Stack | undefined];
    const bench: Bench = {
      ...size,
      stack,
      dataset: createDataset(stack, size, progress),
      against: other && { stack: other, dataset: createDataset(other, size, progress) },
      generate: hasWrk ? loadWithWrk : loadWithAutocannon,
      progress,
      quick: isQuick,
      numbers: createNumbers(),
    };
    mkdirSync(svgDir, { recursive: true });
    if (profile) {
      for (const name of only) await profileScenario(bench, name, svgDir);
      return 0;
    }
    const { results, failed } = await runAll(bench, only, progress);
    progress.end();
    const report = renderReport(results, describeMachine({ rounds: size.rounds, seconds: size.roundSeconds }));
    console.log(report);
    if (docs) putIntoDocs(report);
    writePlots(results, svgDir);
    if (jsonFile !== undefined) {
      mkdirSync(dirname(resolve(jsonFile)), { recursive: true });
      writeFileSync(jsonFile, `${JSON.stringify(results, null, 2)}\n`);
    }
    return failed ? 1 : 0;
  } finally {
    progress.end();
    await close();
  }
}

async function runAll(
  bench: Bench,
  names: readonly ScenarioName[],
  progress: Progress,
): Promise<{ results: Result[]; failed: boolean }> {
  const results: Result[] = [];
  let failed = false;
  for (const name of names) {
    progress.advance();
    progress.step(name);
    try {
      results.push(await scenarios[name](bench));
    } catch (error) {
      const skipped = error instanceof SkippedError;
      failed ||= !skipped;
      progress.log(`${name}: ${skipped ? 'skipped' : 'failed'}: ${(error as Error).message}`);
    }
  }
  return { results, failed };
}
