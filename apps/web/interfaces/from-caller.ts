import type { FromCaller } from '../../../shared/rpc/contract.ts';
import type { RequestContext } from './interface.ts';

/** What a worker is told of the caller whose key a request came with. */
export function fromCaller(caller: RequestContext['caller']): FromCaller {
  return caller === undefined ? {} : { caller: caller.name, callerKey: caller.keyHash };
}
