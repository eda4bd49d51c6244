import type { Bench } from '../bench.ts';
import type { Result } from '../measure/result.ts';

/** One comparison of the report. @throws {SkippedError} if it can't be made with this build */
export type Scenario = (bench: Bench) => Promise<Result>;

/** Connections of a load that asks for as much as there is. */
export const fullLoadConnections = 64;
