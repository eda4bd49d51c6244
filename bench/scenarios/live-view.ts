import { openDatabase } from '../../shared/store/database.ts';
import { parseDatabaseUrl } from '../../shared/config/database-url.ts';
import { addProgram } from '../../shared/administration/operators.ts';
import { countCpu, type CountedProcess } from '../measure/cpu.ts';
import { pace, warmUp } from '../measure/rates.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import type { Program } from '../stack/programs.ts';
import { stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

const browsers = 10;
/** Busy enough that what processes publish is as it is in production, and far from any limit. */
const checksPerSecond = 500;

/** What the page Now costs the others while ten browsers have it open. */
export const liveView: Scenario = async (bench) => {
  const { stack, rounds } = bench;
  const auth = { source: await bench.dataset.zipf(), share: 1 };
  const programs: Program[] = [];
  try {
    const worker = await stack.startWorker({ cores: 'rest' });
    const web = await stack.startWeb({ cores: 'first' });
    const console = await stack.startConsole({ cores: 'rest' });
    programs.push(worker, web, console);
    const token = await addViewer(stack.databaseUrl);
    const target = { urls: [web.url], cores: 'rest', turn: 'first', shares: [auth] } as const;
    await warmUp(bench, 'live view', target, { connections: fullLoadConnections, times: 1 });
    const counted: CountedProcess[] = [
      { label: 'web', pid: web.pid },
      { label: 'worker', pid: worker.pid },
      { label: 'console', pid: console.pid },
      ...stack.shared.filter(({ label }) => label !== 'wechat'),
    ];
    const measure = async (what: string): Promise<Readonly<Record<string, number>>> => {
      const startedAt = performance.now();
      const { cpuSeconds } = await countCpu(counted, () => pace(bench, what, target, checksPerSecond, 0));
      const seconds = (performance.now() - startedAt) / 1000;
      return Object.fromEntries(Object.entries(cpuSeconds).map(([label, spent]) => [label, (100 * spent) / seconds]));
    };
    const measured: {
      readonly watched: Readonly<Record<string, number>>;
      readonly alone: Readonly<Record<string, number>>;
    }[] = [];
    for (let round = 1; round <= rounds; round++) {
      const watchedFirst = round % 2 === 0;
      const alone = watchedFirst ? undefined : await measure(`live view: nobody looks, round ${round}`);
      const stop = await openBrowsers(console.url, token);
      const watched = await measure(`live view: ten browsers, round ${round}`);
      stop();
      measured.push({ watched, alone: alone ?? (await measure(`live view: nobody looks, round ${round}`)) });
    }
    const more = (label: string) =>
      spreadOf(measured.map(({ watched, alone }) => (watched[label] ?? 0) - (alone[label] ?? 0)));
    const sum = (shares: Readonly<Record<string, number>>) =>
      (shares['web'] ?? 0) + (shares['worker'] ?? 0) + (shares['redis'] ?? 0);
    const spread = (pick: (round: (typeof measured)[number]) => number) => spreadOf(measured.map(pick));
    return {
      name: 'live-view',
      unit: 'processor time of web, worker and Redis with ten browsers on Now ÷ without',
      ours: { percentOfACore: spread(({ watched }) => sum(watched)).median },
      peer: { percentOfACore: spread(({ alone }) => sum(alone)).median },
      ratio: spread(({ watched, alone }) => sum(watched) / sum(alone)),
      rounds: measured,
      voided: 0,
      tables: [
        {
          title: `live-view: ${browsers} browsers on Now, at ${checksPerSecond} checks/s; % of a core`,
          columns: ['', 'nobody looks', 'ten browsers', 'more: median', 'least', 'greatest'],
          rows: counted.map(({ label }) => [
            label,
            number(spread(({ alone }) => alone[label] ?? 0).median),
            number(spread(({ watched }) => watched[label] ?? 0).median),
            ...[more(label).median, more(label).min, more(label).max].map(number),
          ]),
        },
      ],
      notes: [],
    };
  } finally {
    await stopAll(programs);
  }
};

async function addViewer(databaseUrl: string): Promise<string> {
  const sequelize = openDatabase(parseDatabaseUrl(databaseUrl), { poolSize: 1 });
  try {
    const actor = { osUser: 'bench', host: 'bench' };
    return (await addProgram({ sequelize }, { name: 'live-view', role: 'viewer' }, actor)).token;
  } finally {
    await sequelize.close();
  }
}

/** @returns ends them */
async function openBrowsers(url: string, token: string): Promise<() => void> {
  const leaving = new AbortController();
  await Promise.all(
    Array.from({ length: browsers }, async () => {
      const response = await fetch(`${url}/api/v1/now/stream`, {
        headers: { Authorization: `Bearer ${token}` },
        signal: leaving.signal,
      });
      if (response.status !== 200) throw new Error(`no live view: HTTP ${response.status}`);
      const read = async () => {
        for await (const _ of response.body ?? []);
      };
      read().catch(() => undefined);
    }),
  );
  return () => leaving.abort();
}
