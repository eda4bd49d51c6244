import { fork, spawnSync, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import type { OnClose } from '../support/closing.ts';

/** A flood comes from other machines: here it only gets the processor that nobody else wants at the moment (sched(7), SCHED_IDLE). */
export const behindAll = { execPath: 'chrt', execArgv: ['--idle', '0', process.execPath] };
/** What measures goes before all, if this user may order that: its own wait for a processor is none of the server's. */
const realTime = ['--rr', '1'];
export const ahead: ForkOptions =
  spawnSync('chrt', [...realTime, 'true']).status === 0
    ? { execPath: 'chrt', execArgv: [...realTime, process.execPath] }
    : {};

/** @returns sends what it is ordered to, one order at a time, from a process of its own */
export function startLoad<Order extends object, Report>(
  file: string,
  onClose: OnClose,
  how: ForkOptions,
): (order: Order, seconds: number) => Promise<Report> {
  const load = fork(file, how);
  onClose(async () => void load.kill());
  return async (order, seconds) => {
    load.send(order);
    const signal = AbortSignal.timeout((seconds + 60) * 1000);
    const [report] = (await once(load, 'message', { signal })) as [Report];
    return report;
  };
}

export function p99Of(answers: readonly { readonly tookMs: number }[]): number {
  const sorted = answers.map(({ tookMs }) => tookMs).toSorted((left, right) => left - right);
  return Math.round((sorted[Math.floor(sorted.length * 0.99)] ?? 0) * 10) / 10;
}
