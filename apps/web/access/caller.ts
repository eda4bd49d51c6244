import type { Context } from 'koa';
import type { Caller } from '../../../shared/store/caller-store.ts';

/** Notes whose key a request came with. */
export function setCaller({ state }: Context, caller: Caller): void {
  (state as { caller?: Caller }).caller = caller;
}

/** Whose key a request came with; undefined if it had none. */
export function callerOf({ state }: Context): Caller | undefined {
  return (state as { caller?: Caller }).caller;
}

/** Names no app: a request for it is answered as one for an app that is not there. */
const noApp = null;

/**
 * The app that a request is for: through a key that is bound to an app that one and no other.
 * @param named what the request itself says; undefined if nothing
 */
export function appOfRequest(named: unknown, caller: Caller | undefined): unknown {
  const bound = caller?.appid ?? undefined;
  if (bound === undefined || named === bound) return named;
  return named === undefined ? bound : noApp;
}
