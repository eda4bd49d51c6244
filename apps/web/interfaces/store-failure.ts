import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { RpcError } from '../rpc/client.ts';
import { ListUnavailableError } from '../../../shared/store/fresh-list.ts';
import { LookupUnavailableError } from '../sessions/session-lookups.ts';

/** For calls that only read: a failure of the stores as 1001, never as "not valid". @throws what is no failure of the stores */
export function databaseFailure(error: unknown): Failure {
  return fail('databaseError', reasonOf(error));
}

/** For calls that write: one that could not be queued, or was not answered, as 1006. @throws what is no failure of the stores */
export function writeFailure(error: unknown): Failure {
  return fail('sessionNotWritten', reasonOf(error));
}

function reasonOf(error: unknown): string {
  if (error instanceof LookupUnavailableError || error instanceof RpcError) return error.reason;
  if (error instanceof ListUnavailableError) return 'store_unavailable';
  throw error;
}
