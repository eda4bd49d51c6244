import type { Bench } from '../bench.ts';
import type { Share } from '../load/source.ts';
import type { Cores } from '../stack/cores.ts';
import { countCpu, type CountedProcess } from './cpu.ts';
import type { Measurement } from './result.ts';

/** One of the two that are compared: where it listens, what it is asked, and the processes that work for it. */
export interface Side {
  /** One load generator each. */
  readonly urls: readonly string[];
  readonly shares: readonly Share[];
  readonly processes: readonly CountedProcess[];
  /** Its stores and WeChat, where it does not share those of the bench. */
  readonly servers?: readonly CountedProcess[];
  readonly connections: number;
}

/** Far enough apart that two generators never send the same code, and near enough that sixteen have room in ten digits. */
const generatorSpacing = 200_000_000;

/** Loads one side for a while, as much as it can take. */
export async function measureSide(bench: Bench, side: Side, seconds: number, cores: Cores): Promise<Measurement> {
  const { result, cpuSeconds } = await countCpu([...side.processes, ...(side.servers ?? bench.stack.shared)], () =>
    Promise.all(
      side.urls.map((url, index) =>
        bench.generate({
          url,
          shares: side.shares,
          connections: Math.ceil(side.connections / side.urls.length),
          seconds,
          firstNumber: bench.numbers.next() + index * generatorSpacing,
          cores,
        }),
      ),
    ),
  );
  const requests = result.reduce((sum, load) => sum + load.requests, 0);
  bench.numbers.use(requests);
  const errorSample = result.find((load) => load.errorSample !== undefined)?.errorSample;
  return {
    requests,
    requestsPerSecond: result.reduce((sum, load) => sum + load.requestsPerSecond, 0),
    p50Ms: Math.max(...result.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...result.map(({ p99Ms }) => p99Ms)),
    errors: result.reduce((sum, load) => sum + load.errors, 0),
    ...(errorSample === undefined ? {} : { errorSample }),
    generatorCpuSeconds: result.reduce((sum, load) => sum + load.generatorCpuSeconds, 0),
    cpuSecondsPer1000: Object.fromEntries(
      Object.entries(cpuSeconds).map(([label, spent]) => [label, (spent / requests) * 1000]),
    ),
  };
}
