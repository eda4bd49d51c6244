import type { Registry } from 'prom-client';
import { createTimeTally, type TimeTally } from './tallies.ts';

/**
 * What a log-in's time goes to, in its order.
 * - `admitted`: in the front end, until it is put to the workers
 * - `queued`: until a worker takes it
 * - `wechat`, `decrypt`, `mysql`: the worker's steps, as far as it comes; `mysql` is the write of the session
 * - `reply`: until the worker's answer is in Redis
 */
export const loginStages = ['admitted', 'queued', 'wechat', 'decrypt', 'mysql', 'reply'] as const;
export type LoginStage = (typeof loginStages)[number];

export const loginStageMetric = 'wafer_login_stage_seconds';
/** Few, since there are so many series of each: upper bounds in seconds. */
export const loginStageBounds: readonly number[] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Those of a whole request, as the client waits. */
export const requestBounds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Front ends and workers measure different stages of one metric. */
export function createStageTally(registry: Registry, stages: readonly LoginStage[]): TimeTally {
  return createTimeTally({
    name: loginStageMetric,
    help: 'Time of the stages of a log-in',
    labelName: 'stage',
    known: stages,
    buckets: loginStageBounds,
    registry,
  });
}
