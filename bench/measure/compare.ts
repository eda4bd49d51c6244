import type { Bench } from '../bench.ts';
import type { Cores } from '../stack/cores.ts';
import type { Figures, Measurement, Result, Table } from './result.ts';
import { measureSide, type Side } from './side.ts';
import { spreadOf } from './statistics.ts';
import { untilIdle } from './until-idle.ts';

export interface ComparisonOptions {
  readonly name: string;
  readonly ours: Side;
  readonly peer: Side;
  /** Where the load runs. */
  readonly cores: Cores;
  /** How many times as long as usual both sides are warmed up. */
  readonly warmUps?: number;
  /** Looks at a round of ours from outside. @returns why it does not count */
  readonly inspectOurs?: (measure: () => Promise<Measurement>) => Promise<Inspected>;
  readonly notes?: readonly string[];
}

interface Inspected {
  readonly measured: Measurement;
  readonly fault?: string;
}

interface Round {
  readonly ours: Measurement;
  readonly peer: Measurement;
  readonly ratio: number;
  /** Why the round does not count. */
  readonly fault?: string;
}

/** A round may be void for a hiccup of the machine; a side that fails again and again fails the comparison. */
const maxVoided = 3;

/** Ours and the peer in turn, so that whatever happens on the machine meanwhile happens to both. */
export async function compare(bench: Bench, options: ComparisonOptions): Promise<Result> {
  const { name, ours, peer, cores, warmUps = 1, inspectOurs, notes = [] } = options;
  const { progress, rounds: wanted, warmUpSeconds, roundSeconds } = bench;
  for (const [label, side] of [
    ['ours', ours],
    ['peer', peer],
  ] as const) {
    progress.step(`${name}: warming up ${label}`);
    await measureSide(bench, side, warmUpSeconds * warmUps, cores);
  }
  const everybody = [ours, peer].flatMap(({ processes, servers = bench.stack.shared }) => [...processes, ...servers]);
  // A load leaves writes behind, which would slow down whoever is next on the same cores.
  const measure = async (side: Side): Promise<Measurement> => {
    await untilIdle(everybody);
    return measureSide(bench, side, roundSeconds, cores);
  };
  const rounds: Round[] = [];
  const good = () => rounds.filter(({ fault }) => fault === undefined);
  while (good().length < wanted) {
    const number = rounds.length + 1;
    const measureOurs = async (): Promise<Inspected> => {
      progress.step(`${name}: round ${number}, ours`);
      const measureIt = () => measure(ours);
      return inspectOurs === undefined ? { measured: await measureIt() } : inspectOurs(measureIt);
    };
    const measurePeer = () => {
      progress.step(`${name}: round ${number}, peer`);
      return measure(peer);
    };
    // Who goes first changes, so that neither always runs on what the other left behind.
    const peerFirst = number % 2 === 0 ? await measurePeer() : undefined;
    const { measured, fault } = await measureOurs();
    const other = peerFirst ?? (await measurePeer());
    const why = fault ?? describeErrors('ours', measured) ?? describeErrors('peer', other);
    const ratio = measured.requestsPerSecond / other.requestsPerSecond;
    rounds.push({ ours: measured, peer: other, ratio, ...(why === undefined ? {} : { fault: why }) });
    if (why !== undefined) progress.log(`${name}: round ${number} is void: ${why}`);
    if (rounds.length - good().length > maxVoided)
      throw new Error(`${name}: too many rounds were void; the last: ${why}`);
  }
  const counted = good();
  return {
    name,
    unit: 'rate, ours ÷ peer',
    ours: summarise(counted.map((round) => round.ours)),
    peer: summarise(counted.map((round) => round.peer)),
    ratio: spreadOf(counted.map(({ ratio }) => ratio)),
    rounds,
    voided: rounds.length - counted.length,
    tables: [cpuTable(name, counted)],
    notes: [...notes, ...generatorNotes(counted, roundSeconds)],
  };
}

function describeErrors(side: string, { errors, errorSample }: Measurement): string | undefined {
  return errors === 0 ? undefined : `${errors} answers of ${side} were no success, such as: ${errorSample ?? 'none'}`;
}

/** Medians over the rounds. */
function summarise(measurements: readonly Measurement[]): Figures {
  const medianOf = (pick: (measurement: Measurement) => number) => spreadOf(measurements.map(pick)).median;
  return {
    requestsPerSecond: medianOf(({ requestsPerSecond }) => requestsPerSecond),
    p50Ms: medianOf(({ p50Ms }) => p50Ms),
    p99Ms: medianOf(({ p99Ms }) => p99Ms),
    cpuSecondsPer1000: Object.fromEntries(
      Object.keys(measurements[0]?.cpuSecondsPer1000 ?? {}).map((label) => [
        label,
        medianOf(({ cpuSecondsPer1000 }) => cpuSecondsPer1000[label] ?? 0),
      ]),
    ),
  };
}

function cpuTable(name: string, rounds: readonly Round[]): Table {
  const ours = summarise(rounds.map((round) => round.ours))['cpuSecondsPer1000'] as Record<string, number>;
  const peer = summarise(rounds.map((round) => round.peer))['cpuSecondsPer1000'] as Record<string, number>;
  const labels = [...new Set([...Object.keys(ours), ...Object.keys(peer)])];
  return {
    title: `${name}: processor seconds per 1,000 requests`,
    columns: ['process', 'ours', 'peer'],
    rows: labels.map((label) => [label, ours[label]?.toFixed(3) ?? '', peer[label]?.toFixed(3) ?? '']),
  };
}

function generatorNotes(rounds: readonly Round[], seconds: number): string[] {
  const busiest = Math.max(...rounds.flatMap(({ ours, peer }) => [ours, peer]).map((one) => one.generatorCpuSeconds));
  const share = busiest / seconds;
  return share > 0.6 ? [`the load generator took ${(share * 100).toFixed(0)} % of its core: it may be the limit`] : [];
}
