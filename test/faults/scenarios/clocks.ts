import { toWallClock } from '../../../shared/session/wall-clock.ts';
import { createClient } from '../support/ask.ts';
import {
  alwaysHolds,
  describeErrors,
  must,
  type Check,
  type Drill,
  type Fault,
  type Outcome,
} from '../support/fault.ts';
import { shiftedClock } from '../support/shifted-clock.ts';
import { startSite, type Site } from '../support/site.ts';
import { errorCount, total } from '../support/tally.ts';

const offsetSeconds = 60;
const sessionDurationSeconds = 600;

async function loaded({ underLoad, lengths }: Drill, site: Site): Promise<Outcome> {
  const seen = await underLoad(site, (load) => load.last(lengths.outageMs));
  const { errors } = total(seen.tally, 'login');
  const failed = errorCount(total(seen.tally, 'login'));
  return {
    ...seen,
    checks: [...alwaysHolds(seen), must('every log-in succeeds', failed === 0, describeErrors(errors))],
  };
}

/** Sessions that were last used so long ago, by every front end's judgement. */
async function limitsHold(site: Site): Promise<Check[]> {
  const ages = {
    valid: sessionDurationSeconds - offsetSeconds - 30,
    over: sessionDurationSeconds + offsetSeconds + 30,
  };
  const codes: Record<keyof typeof ages, string[]> = { valid: [], over: [] };
  for (const [name, age] of Object.entries(ages) as [keyof typeof ages, number][]) {
    for (const [index, web] of site.webs.entries()) {
      const id = `${name}${index}`;
      const time = toWallClock(Math.floor(Date.now() / 1000) - age);
      await site.mysql.query(
        "insert into cSessionInfo set uuid = ?, skey = 'skey', open_id = ?, session_key = '', user_info = '', create_time = ?, last_visit_time = ?",
        [id, id, time, time],
      );
      const client = createClient([web.url]);
      const reply = await client.ask('qcloud.cam.auth', { id, skey: 'skey' });
      client.close();
      codes[name].push(reply.kind === 'answer' ? (/"returnCode":(\d+)/.exec(reply.text)?.[1] ?? '') : reply.kind);
    }
  }
  return [
    must(
      'what is valid by more than the offset is valid',
      codes.valid.every((code) => code === '0'),
      codes.valid,
    ),
    must(
      'what is over by more than the offset is over',
      codes.over.every((code) => code === '60012'),
      codes.over,
    ),
  ];
}

export const clocksApart: Fault = {
  name: 'clocks-apart',
  title: 'the clocks of one front end and one worker are a minute off, in another time zone',
  holds: 'no log-in is dropped, nobody is logged out, limits hold to within the offset',
  async run(drill) {
    const envOf = (role: 'web' | 'worker', index: number) =>
      index === 0
        ? {}
        : { ...shiftedClock((role === 'web' ? offsetSeconds : -offsetSeconds) * 1000), TZ: 'America/New_York' };
    const site = await startSite({ onClose: drill.onClose, envOf });
    await site.mysql.query('update cAppinfo set session_duration = ?', [sessionDurationSeconds]);
    const outcome = await loaded(drill, site);
    return { ...outcome, checks: [...outcome.checks, ...(await limitsHold(site))] };
  },
};

/** Moments that come while the load runs, by the programs' clocks. */
function boundary(name: string, title: string, next: () => { at: Date; zone: string }): Fault {
  return {
    name,
    title,
    holds: 'nobody is logged out, and log-ins go on',
    async run(drill) {
      const { at, zone } = next();
      // Early enough for the start; the load sees it pass.
      const offsetMs = at.getTime() - Date.now() - startMs;
      const envOf = () => ({ ...shiftedClock(offsetMs), TZ: zone });
      const site = await startSite({ onClose: drill.onClose, envOf });
      const wait = Math.max(0, at.getTime() - offsetMs - Date.now() - drill.lengths.outageMs / 2);
      await new Promise((resolve) => setTimeout(resolve, wait));
      return loaded(drill, site);
    },
  };
}

const startMs = 10_000;

export const yearEnds = boundary('year-ends', 'the year ends, by Beijing time', () => ({
  at: new Date(`${new Date().getUTCFullYear()}-12-31T16:00:00Z`),
  zone: 'Asia/Shanghai',
}));

export const daylightTimeEnds = boundary('daylight-time-ends', "daylight time ends in the programs' zone", () => ({
  // The second Sunday of next March would do as well; in November an hour comes twice.
  at: firstSundayOfNovember(new Date().getUTCFullYear() + 1),
  zone: 'America/New_York',
}));

/** 2 o'clock of New York's daylight time. */
function firstSundayOfNovember(year: number): Date {
  const first = new Date(Date.UTC(year, 10, 1, 6));
  return new Date(first.getTime() + ((7 - first.getUTCDay()) % 7) * 86_400_000);
}
