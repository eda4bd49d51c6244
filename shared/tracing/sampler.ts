import type { RemoteSpan } from './traceparent.ts';

/** Which requests are traced; asked once for each, where it comes in. */
export interface Sampler {
  /** One that nobody traces yet. */
  takesNew(): boolean;
  /** One whose client sent a traceparent. @param remote undefined: it was none */
  takes(remote: RemoteSpan | undefined): boolean;
}

/** Requests a second of which a client says that they are to be traced: whoever says so of all must not make all of them dearer. */
const followedPerSecond = 100;

/**
 * @param ratio of the requests, from 0 to 1
 * @param followsClients whether a client that traces its request, or does not, decides it for its part here
 */
export function createSampler(
  { ratio, followsClients }: { readonly ratio: number; readonly followsClients: boolean },
  nowMs: () => number = () => performance.now(),
): Sampler {
  let second = 0;
  let followed = 0;
  const takesNew = () => Math.random() < ratio;
  return {
    takesNew,
    takes(remote) {
      if (remote === undefined || !followsClients) return takesNew();
      if (!remote.isSampled) return false;
      const now = Math.floor(nowMs() / 1000);
      if (now !== second) [second, followed] = [now, 0];
      return followed++ < followedPerSecond;
    },
  };
}
