import { findFreePort } from '../../apps/local/servers/ports.ts';
import type { AppResult } from '../../shared/metrics/app-results.ts';
import { auth, call, newUser, type Answer } from '../support/client.ts';
import type { OnClose } from '../support/closing.ts';
import { createInstalledFolder } from '../support/pm2-site.ts';
import { createPm2 } from '../support/pm2.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { startStack, testAppid, untilReady } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** What was sent, and what Prometheus has of it. */
interface CountedSeries {
  /** An expression that sums counters since the start. */
  readonly query: string;
  readonly sent: number;
  readonly counted: number | undefined;
}

export interface ScrapedLoad {
  readonly series: readonly CountedSeries[];
  /** How often a counter fell between two scrapes. */
  readonly falls: number;
  readonly scrapes: number;
  /** Requests that no answer came to. */
  readonly lost: number;
}

/** Who sends at once. */
const clients = 8;

type Kind = 'check' | 'login';
type Outcomes = Record<Kind, Record<AppResult, number>>;

interface Sending {
  readonly kind: Kind;
  readonly count: number;
  readonly send: () => Promise<Answer>;
}

/**
 * Two front ends and two workers under pm2, one address for Prometheus, so many log-ins and checks of each outcome, and in the middle of
 * it one front end is restarted in order.
 */
export async function scrapeUnderLoad(onClose: OnClose, factor: number, scale = 1): Promise<ScrapedLoad> {
  const stack = await startStack({ onClose, webs: 0, workers: 0 });
  const site = await createInstalledFolder(onClose);
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  await site.writeEnv({
    ...stack.env,
    PORT: String(port),
    CONSOLE_PORT: String(await findFreePort()),
    LOG_LEVEL: 'warn',
    WEB_PROCESSES: '2',
    WORKER_PROCESSES: '2',
  });
  const pm2 = await createPm2({ env: {}, cwd: site.path, onClose });
  await pm2.run('start', 'ecosystem.config.js');
  await untilReady(url);
  const prometheus = await startPrometheus({ targets: [`127.0.0.1:${port}`], factor, onClose });
  await until('Prometheus watches', () => prometheus.isWatching(), 60_000);

  const logIn = (code: string) => call(url, 'qcloud.cam.id_skey', { code });
  // The one log-in beside those that are counted below.
  const { returnData: session } = await logIn(newUser());
  const sendings: readonly Sending[] = [
    { kind: 'check', count: 3000 * scale, send: () => auth(url, session) },
    { kind: 'check', count: 700 * scale, send: () => auth(url, { ...session, skey: `${session.skey}x` }) },
    { kind: 'login', count: 400 * scale, send: () => logIn(newUser()) },
    { kind: 'login', count: 150 * scale, send: () => logIn(`bad~${newUser()}`) },
    { kind: 'login', count: 50 * scale, send: () => logIn(`garbage~${newUser()}`) },
  ];
  const { outcomes, lost } = await sendAll(sendings, () => pm2.run('restart', '0'));
  const { check: checks, login: logins } = outcomes;
  logins.ok++;
  const all = ({ ok, refused, failed }: Record<AppResult, number>) => ok + refused + failed;

  const app = `app="${testAppid}"`;
  const expected: readonly (readonly [query: string, sent: number])[] = [
    [`sum(wafer_app_checks_total{${app},result="ok"})`, checks.ok],
    [`sum(wafer_app_checks_total{${app},result="refused"})`, checks.refused],
    [`sum(wafer_app_checks_total{${app},result="failed"})`, checks.failed],
    [`sum(wafer_app_logins_total{${app},result="ok"})`, logins.ok],
    [`sum(wafer_app_logins_total{${app},result="refused"})`, logins.refused],
    [`sum(wafer_app_logins_total{${app},result="failed"})`, logins.failed],
    ['sum(wafer_requests_total{interface="qcloud.cam.auth"})', all(checks)],
    ['sum(wafer_request_seconds_count{interface="qcloud.cam.auth"})', all(checks)],
    ['sum(wafer_jobs_total{call="login"})', all(logins)],
    ['sum(wafer_job_seconds_count{call="login"})', all(logins)],
    ['sum(wafer_login_stage_seconds_count{stage="mysql"})', logins.ok],
  ];
  const counters = [...new Set(expected.map(([query]) => /\w+(?=\{)/.exec(query)?.[0] ?? ''))];
  const count = async (query: string) => (await prometheus.query(query))[0]?.value;
  // A process publishes every five seconds. Whether they are all there is for the caller to say.
  await until('all are counted', async () => {
    const counted = await Promise.all(expected.map(([query]) => count(query)));
    return counted.every((value, index) => value === expected[index]?.[1]);
  }).catch(() => undefined);
  return {
    series: await Promise.all(expected.map(async ([query, sent]) => ({ query, sent, counted: await count(query) }))),
    falls: (await count(counters.map((name) => `sum(resets(${name}[1h]))`).join(' + '))) ?? Number.NaN,
    scrapes: (await count('sum(count_over_time(up[1h]))')) ?? 0,
    lost,
  };
}

const resultOf = ({ returnCode }: Answer): AppResult => {
  if (returnCode === 0) return 'ok';
  return returnCode === 60012 || returnCode === 40029 ? 'refused' : 'failed';
};

/**
 * @param half what happens when half of them are sent
 * @returns what the client was answered
 */
async function sendAll(
  sendings: readonly Sending[],
  half: () => Promise<unknown>,
): Promise<{ outcomes: Outcomes; lost: number }> {
  const none = () => ({ ok: 0, refused: 0, failed: 0 });
  const outcomes: Outcomes = { check: none(), login: none() };
  const total = sendings.reduce((sum, { count }) => sum + count, 0);
  // By turns, so that each outcome comes before, during and after what happens.
  const order = sendings
    .flatMap(({ kind, count, send }) =>
      Array.from({ length: count }, (_, index) => ({ at: (index + 0.5) / count, kind, send })),
    )
    .toSorted((one, other) => one.at - other.at);
  let next = 0;
  let lost = 0;
  let happening: Promise<unknown> | undefined;
  const client = async () => {
    for (let one = order[next++]; one !== undefined; one = order[next++]) {
      if (next > total / 2) happening ??= half();
      const answer = await one.send().catch(() => undefined);
      if (answer === undefined) lost++;
      else outcomes[one.kind][resultOf(answer)]++;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await happening;
  return { outcomes, lost };
}
