import { setTimeout } from 'node:timers/promises';

const everyMs = 10_000;

/**
 * Looks now and then whether who has a stream open is still signed in.
 * @param confirm rejects while the stores are away: then nobody is sent off
 * @returns aborted when that is no more so
 */
export function watchSignIn(confirm: (() => Promise<boolean>) | undefined, until: AbortSignal): AbortSignal {
  const ended = new AbortController();
  const watch = async () => {
    while (confirm !== undefined && !until.aborted) {
      await setTimeout(everyMs, undefined, { signal: until, ref: false });
      if (!(await confirm().catch(() => true))) return ended.abort();
    }
    return undefined;
  };
  // Rejects when the client goes.
  watch().catch(() => undefined);
  return ended.signal;
}
