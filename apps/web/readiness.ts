import { setTimeout } from 'node:timers/promises';
import { shareAnswer } from '../../shared/http/shared-answer.ts';

/** Whether a balancer should send requests here. */
export interface Readiness {
  /** `reasons` not to send any, and what is `degraded` although it serves. */
  examine(): Promise<{ reasons: string[]; degraded: string[] }>;
}

/** Each resolves if that part works now. */
export interface Probes {
  readonly redis: () => Promise<unknown>;
  /** It can be read: that is what auth checks need. */
  readonly redisCache: () => Promise<unknown>;
  readonly redisCacheWrites: () => Promise<unknown>;
  /** Our tables can be read. */
  readonly mysql: () => Promise<unknown>;
  /** Log-ins can be written. */
  readonly mysqlWrites: () => Promise<unknown>;
  /** Requests can be put to workers. */
  readonly queue: () => Promise<unknown>;
  readonly app: () => Promise<unknown>;
  readonly worker: () => Promise<unknown>;
  /** No worker lacks a key that secrets are encrypted with. */
  readonly keys: () => Promise<unknown>;
}

const probeEveryMs = 1000;
/** Until it is ready: nobody sends requests before. */
const probeEveryAtStartMs = 100;

/**
 * Until log-in and auth were first possible everything has to be there; later only what auth needs, which is either store. The stores are
 * probed once a second, whoever asks.
 */
export function createReadiness(probes: Probes, stopping: AbortSignal): Readiness {
  let wasReady = false;
  const names = Object.keys(probes) as (keyof Probes)[];
  const findMissing = shareAnswer(
    async () => {
      const results = await Promise.allSettled(names.map((name) => probes[name]()));
      const failed = new Set(names.filter((_, index) => results[index]?.status === 'rejected'));
      // What can't be read takes no writes either.
      if (failed.has('redisCache')) failed.delete('redisCacheWrites');
      if (failed.has('mysql')) failed.delete('mysqlWrites');
      return [...failed].map(toToken);
    },
    () => (wasReady ? probeEveryMs : probeEveryAtStartMs),
  );
  return {
    async examine() {
      const missing = await findMissing();
      if (stopping.aborted) return { reasons: ['stopping'], degraded: missing };
      // An app may be configured at any time, so its absence does not keep the server from being ready; nor does a worker without its key.
      const needed = missing.filter((name) => name !== 'app' && name !== 'keys');
      if (!wasReady && needed.length > 0) return { reasons: ['starting', ...needed], degraded: missing };
      wasReady = true;
      const canServeAuth = !missing.includes('redis_cache') || !missing.includes('mysql');
      return { reasons: canServeAuth ? [] : ['redis_cache', 'mysql'], degraded: missing };
    },
  };
}

const lookAgainMs = 500;

/** Probes until everything was there once; from then on an outage that checks survive degrades it and does not make it unready. */
export async function untilReady(readiness: Readiness, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await readiness.examine()).reasons.length > 0)
    await setTimeout(lookAgainMs, undefined, { signal, ref: false });
}

function toToken(name: keyof Probes): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
