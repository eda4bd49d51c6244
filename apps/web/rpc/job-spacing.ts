import { performance, type EventLoopUtilization } from 'node:perf_hooks';

/** How far apart the jobs of one queue start, in milliseconds, given how many calls the last one carried. */
export type JobSpacing = (calls: number) => number;

const sampleMs = 250;
const perCallMs = 4;
/** Longest pause of a process with time to spare, and of one with none. */
const quietMs = 16;
const busyMs = 72;
/** The share of its time for which a process is at work, or waits for a core: up to here it has time to spare, from there on none. */
const quietShare = 0.3;
const busyShare = 0.8;

/**
 * What a log-in costs everybody is mostly its share of a job. Beyond 250 calls a second each job is larger than the one before it, up to
 * what comes in the longest pause; below that a call waits for one or two others at most. Where this process has hardly time left, the
 * pauses grow to several times that: the processor time of a few jobs more would come out of everybody's.
 */
export function createJobSpacing(): JobSpacing {
  let since: EventLoopUtilization = performance.eventLoopUtilization();
  let sampledAt = performance.now();
  let utilization = 0;
  return (calls) => {
    const now = performance.now();
    if (now - sampledAt >= sampleMs) {
      const current = performance.eventLoopUtilization();
      ({ utilization } = performance.eventLoopUtilization(current, since));
      since = current;
      sampledAt = now;
    }
    const busy = Math.min(Math.max((utilization - quietShare) / (busyShare - quietShare), 0), 1);
    return Math.min(perCallMs * calls, quietMs + busy * (busyMs - quietMs));
  };
}
