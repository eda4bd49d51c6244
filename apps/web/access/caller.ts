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
/** The same of a request that has to say which of its caller's apps it means, and does not. */
export const appNotNamed = Symbol('app not named');

/**
 * The app that a request is for: through a key that is bound to one app that one and no other, through a key with several the one that is
 * named.
 * @param named what the request itself says; undefined if nothing
 */
export function appOfRequest(named: unknown, caller: Caller | undefined): unknown {
  const bound = caller?.appids ?? undefined;
  if (bound === undefined) return named;
  if (named === undefined) return bound.length === 1 ? bound[0] : appNotNamed;
  return bound.includes(named as string) ? named : noApp;
}
