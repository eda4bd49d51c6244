import { until } from './until.ts';

/** What a process counts now: `/metrics` is rendered once a second, so the first rendering may be from before. */
export async function readFreshMetrics(url: string): Promise<string> {
  const read = async () => (await fetch(`${url}/metrics`)).text();
  const before = await read();
  let text = before;
  // Each rendering tells another time that the process has worked.
  await until('the metrics are rendered anew', async () => (text = await read()) !== before);
  return text;
}
