import type { Context } from 'koa';
import type { Who } from './accounts/who.ts';

/** What the middleware find out about a request. */
interface ConsoleState {
  /** undefined: nobody that is known, or not looked at yet. */
  who?: Who;
  /** Whether who asks is still who they were, for what takes long. */
  confirm?: () => Promise<boolean>;
  /** Of the route that it is for. */
  operationId?: string;
  /** Where it comes from; undefined: a proxy said what is no address. */
  address?: string | undefined;
  /** Whether a sign-in is being made: only then may one be written that is not there. */
  isSigningIn?: boolean;
}

export function stateOf(context: Context): ConsoleState {
  return context.state;
}
