// One load by autocannon, in a process of its own: options on standard input, the result on standard output.
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { LoadOptions, LoadResult } from './load.ts';
import { createRenderer } from './render.ts';

interface Autocannon {
  (options: object): Promise<{
    requests: { total: number; average: number };
    duration: number;
    latency: { p50: number; p99: number };
    errors: number;
    timeouts: number;
    non2xx: number;
    mismatches: number;
  }>;
}

const { options, module } = JSON.parse(await text(process.stdin)) as { options: LoadOptions; module: string };
const { default: autocannon } = (await import(module)) as { default: Autocannon };
const { url, shares, connections, seconds, firstNumber } = options;

let number = firstNumber;
const requests = shares.flatMap(({ source, share }) => {
  const render = createRenderer(source, readFileSync(source.recordsFile));
  const request = {
    method: source.method,
    path: source.path,
    setupRequest: (request: object) => {
      const current = number++;
      return {
        ...request,
        headers: Object.fromEntries(
          Object.entries(source.headers).map(([name, parts]) => [name, render(parts, current)]),
        ),
        ...(source.body.length === 0 ? {} : { body: render(source.body, current) }),
      };
    },
  };
  // autocannon goes through its requests in turn: twenty of them hold shares of five per cent.
  return Array.from({ length: Math.round(share * 20) }, () => request);
});
const expected = shares.length === 1 ? (shares[0]?.source.expect ?? '') : '"returnCode":0,';

const found = await autocannon({
  url,
  connections,
  duration: seconds,
  requests,
  verifyBody: (body: Buffer | string) => body.toString().includes(expected),
});
const usage = process.resourceUsage();
const result: LoadResult = {
  requests: found.requests.total,
  requestsPerSecond: found.requests.total / found.duration,
  p50Ms: found.latency.p50,
  p99Ms: found.latency.p99,
  errors: found.errors + found.timeouts + found.non2xx + found.mismatches,
  generatorCpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
};
process.stdout.write(JSON.stringify(result));
