import { QueryTypes, type Sequelize } from 'sequelize';
import { addCounts, countsSince, hasFallen, type Counts, type GroupCounts } from '../../metrics/counts.ts';
import { parseSampled } from '../../samples/sampled.ts';
import { readSampleRow, sampleColumns, type StoredSample } from '../../samples/stored-sample.ts';
import { toCounts } from '../../samples/sample-row.ts';
import { parseSystemSample, systemCounts } from '../../samples/system-sample.ts';

/** What was counted in the seconds before now. */
export interface Counted {
  readonly seconds: number;
  readonly counts: Counts;
}

/** How far the counters had come at some time. */
interface Reading {
  /** Milliseconds since 1970 in Redis's clock. */
  readonly at: number;
  readonly groups: GroupCounts;
}

/** Processes publish every five seconds: over less than twice that, what they published would tell more of when than of how much. */
const leastMs = 9000;
const mostMs = 32_000;
/** A sample of before that tells of no time that anybody would call now. */
const oldestSampleMs = 300_000;

/**
 * Tells what was counted lately. Who looks again and again is told of the last half minute; who looks for the first time, of the time since
 * the last sample, and of that one's minute if it was taken just now.
 */
export function createBaseline(sequelize: Sequelize): {
  /** Undefined if nobody knows what was before. */
  count(groups: GroupCounts, nowMs: number): Promise<Counted | undefined>;
} {
  let readings: readonly Reading[] = [];
  return {
    async count(groups, nowMs) {
      readings = [...readings.filter(({ at }) => at <= nowMs && nowMs - at <= mostMs), { at: nowMs, groups }];
      const [oldest] = readings;
      if (oldest !== undefined && nowMs - oldest.at >= leastMs) return since(oldest, groups, nowMs);
      // While MySQL is away: after a few looks.
      return countSinceSample(sequelize, groups, nowMs).catch(() => undefined);
    },
  };
}

function since({ at, groups: before }: Reading, now: GroupCounts, nowMs: number): Counted {
  const counts = Object.entries(now).map(([group, counted]) => {
    const known = before[group];
    // Of a group that is new, or has lost counters, nobody knows what is of these seconds.
    return known === undefined || hasFallen(known, counted) ? {} : countsSince(known, counted);
  });
  return { seconds: (nowMs - at) / 1000, counts: addCounts(counts) };
}

async function countSinceSample(
  sequelize: Sequelize,
  groups: GroupCounts,
  nowMs: number,
): Promise<Counted | undefined> {
  const [row] = await sequelize.query<{ at: number | string; counted: string }>(
    'select at, counted from cWaferSampled',
    {
      type: QueryTypes.SELECT,
    },
  );
  const at = Number(row?.at ?? 0);
  if (row === undefined || at > nowMs || nowMs - at > oldestSampleMs) return undefined;
  const before = Object.fromEntries(
    Object.entries(parseSampled(row.counted) ?? {}).flatMap(([group, { counts, isSettling }]) =>
      isSettling === true ? [] : [[group, counts]],
    ),
  );
  const later = since({ at, groups: before }, groups, nowMs);
  if (nowMs - at >= leastMs) return later;
  const sample = await sequelize.query<StoredSample>(
    `select ${sampleColumns} from cWaferSample where at = (select max(at) from cWaferSample where appid = '')`,
    { type: QueryTypes.SELECT },
  );
  const rows = sample.map(readSampleRow);
  const system = parseSystemSample(sample.find(({ appid }) => appid === '')?.more ?? null);
  const seconds = sample[0]?.seconds;
  if (seconds === undefined || seconds * 1000 > oldestSampleMs) return undefined;
  const ofSample = [toCounts(rows), systemCounts(system === undefined ? [] : [system])];
  return { seconds: later.seconds + seconds, counts: addCounts([later.counts, ...ofSample]) };
}
