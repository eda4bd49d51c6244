// npm run soak -- --minutes 30 [--only name] [--json FILE] [--seed N] [--rate N] [--short] [--floods] [--autoscale [--svg FILE]]
import { writeFileSync } from 'node:fs';

import { parseSoakArguments, type SoakOptions } from './arguments.ts';
import { soakAutoscale } from './autoscale-report.ts';
import { soakFloods } from './flood-table.ts';
import { soakOverload } from './overload-table.ts';
import { soak } from './soak.ts';

// Each server that is started is also ended when this process ends unexpectedly.
process.setMaxListeners(100);

const shortSeconds = 2;
const longSeconds = 6;

const options = readOptions();
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Twice is an order.
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
  });
}
if (options.isFloodsOnly) {
  const floods = await soakFloods(options.isShort ? shortSeconds : longSeconds, stopping.signal);
  console.log(floods.table);
  process.exit(floods.brokenCount > 0 ? 1 : 0);
}
if (options.isAutoscaleOnly) {
  const { text, brokenCount } = await soakAutoscale(options.isShort, options.svgFile, stopping.signal);
  console.log(text);
  process.exit(brokenCount > 0 ? 1 : 0);
}
const { table, runs, brokenCount: brokenFaults } = await soak(options, stopping.signal);
console.log(table);
let brokenCount = brokenFaults;
if (options.only.length === 0) {
  const overload = await soakOverload(options.isShort ? shortSeconds : longSeconds, stopping.signal);
  console.log(overload.table);
  const floods = await soakFloods(options.isShort ? shortSeconds : longSeconds, stopping.signal);
  console.log(floods.table);
  brokenCount += overload.brokenCount + floods.brokenCount;
}
if (options.jsonFile !== undefined)
  writeFileSync(options.jsonFile, `${JSON.stringify({ seed: options.seed, runs }, undefined, 2)}\n`);
console.log(
  `${runs.length} runs, ${brokenCount === 0 ? 'everything held' : `${brokenCount} with something broken`}; seed ${options.seed}`,
);
process.exit(brokenCount > 0 || runs.length === 0 ? 1 : 0);

/** Prints what is wrong and exits 2, as the other commands do. */
function readOptions(): SoakOptions {
  try {
    return parseSoakArguments(process.argv.slice(2));
  } catch (error) {
    console.error((error as Error).message);
    return process.exit(2);
  }
}
