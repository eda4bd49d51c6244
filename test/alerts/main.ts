// npm run test:alerts -- [--only WaferLoginsFail,…] [--factor 30] [--at-once 1]
// Each alert of deploy/prometheus fired by its real fault in a real Prometheus, and over after it; and the sums that Prometheus gets of a
// load of known size. --factor 1 are the durations as they are shipped: half an hour with --at-once 12.
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { provideServers } from '../../apps/local/servers/provide.ts';
import { rootDir } from '../support/built.ts';
import { canHavePrometheus } from '../support/prometheus.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { runCase, type AlertCase, type AlertTimes } from './alert-case.ts';
import { alertCases } from './cases/index.ts';
import { scrapeUnderLoad } from './scrape-under-load.ts';
import { timesTable, sumsTable } from './tables.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    factor: { type: 'string', default: '30' },
    'at-once': { type: 'string', default: '1' },
  },
});
const factor = Number(values.factor);
const chosen = alertCases.filter(({ alert }) => values.only?.split(',').includes(alert) ?? true);
if (chosen.length === 0 || !(factor >= 1) || !(Number(values['at-once']) >= 1)) {
  console.error(
    `--only takes ${alertCases.map(({ alert }) => alert).join(', ')}; --factor and --at-once numbers from 1 on`,
  );
  process.exit(2);
}
if (!(await canHavePrometheus())) {
  console.error('This needs Prometheus: apt-get install prometheus');
  process.exit(2);
}

/** Runs it with what it opens, and closes that, the last first. */
async function withClosing<Result>(run: (onClose: (close: () => unknown) => void) => Promise<Result>): Promise<Result> {
  const closers: (() => unknown)[] = [];
  try {
    return await run((close) => void closers.push(close));
  } finally {
    for (const close of closers.toReversed()) await Promise.resolve(close()).catch(() => undefined);
  }
}

// Each server that is started is also ended when this process ends unexpectedly.
process.setMaxListeners(100);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
const failed: string[] = [];
const folder = await createTemporaryFolder('alerts');
const servers = await provideServers({
  wanted: ['mariadb'],
  rootDir,
  dir: folder.path,
  ephemeral: true,
  log: console.log,
});
process.env['TEST_DATABASE_URL'] = servers.adminUrl;

const limit = pLimit(Number(values['at-once']));
const measure = async (one: AlertCase): Promise<AlertTimes[]> => {
  try {
    const times = await withClosing((onClose) => runCase(one, { factor, onClose }));
    console.log(`${one.alert}: fired and cleared`);
    return [times];
  } catch (error) {
    failed.push(`${one.alert}: ${(error as Error).message}`);
    console.log(failed.at(-1));
    return [];
  }
};
const times = (await Promise.all(chosen.map((one) => limit(measure, one)))).flat();
console.log(timesTable(times, factor));
if (values.only === undefined) {
  const load = await withClosing((onClose) => scrapeUnderLoad(onClose, factor));
  console.log(sumsTable(load));
  if (load.lost > 0 || load.falls !== 0 || load.series.some(({ sent, counted }) => sent !== counted))
    failed.push('the sums differ from what was sent');
}
await servers.stop();
await folder.remove();
console.log(failed.length === 0 ? 'everything held' : `failed:\n${failed.join('\n')}`);
process.exit(failed.length === 0 ? 0 : 1);
