import type { Counts } from '../metrics/counts.ts';

/** How far the counters of a group of processes had come at the last sample. */
export interface SampledGroup {
  /** When it was last seen, in milliseconds since 1970. */
  readonly seenAt: number;
  readonly counts: Counts;
  /** It had lost counters at that sample: what it shows at the next one may be more of them coming back. */
  readonly isSettling?: true | undefined;
}

export type Sampled = Readonly<Record<string, SampledGroup>>;

/** As MySQL has it. @returns undefined if that is no JSON of ours: then nobody knows what was before */
export function parseSampled(text: string): Sampled | undefined {
  try {
    return JSON.parse(text) as Sampled;
  } catch {
    return undefined;
  }
}
