import { ConnectionAcquireTimeoutError, ConnectionError, BaseError } from 'sequelize';
import { UnreadableValueError } from '../../../shared/keys/column-cipher.ts';
import { AdministrationFailure } from '../../../shared/administration/failure.ts';
import { ApiProblem } from './problem.ts';

export function notFound(): ApiProblem {
  return new ApiProblem(404, 'not_found', 'There is nothing at this path.');
}

export function internalProblem(): ApiProblem {
  return new ApiProblem(500, 'internal', 'This is a fault of the console: its log says more under the request id.');
}

/** What a client is told of what was thrown; undefined: it is a bug. */
export function findProblem(error: unknown): ApiProblem | undefined {
  if (error instanceof ApiProblem) return error;
  if (error instanceof AdministrationFailure)
    return new ApiProblem(statusOfFailure(error.code), error.code, error.message);
  if (error instanceof UnreadableValueError) return new ApiProblem(503, error.fault, `${error.message}.`);
  if (isStoreAway(error)) return storeAway();
  if (isRedisRefusal(error))
    return new ApiProblem(503, 'redis_refuses', 'Redis did not do what it was asked to: npx wafer doctor says more.');
  const { status, type } = error as { status?: unknown; type?: unknown };
  if (status === 413) return new ApiProblem(413, 'body_too_large', 'The body is too large.');
  if (status === 415) return new ApiProblem(415, 'encoding_unknown', 'Send the body as it is, or compressed by gzip.');
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new ApiProblem(
      400,
      'body_malformed',
      `The body is no JSON${type === 'request.aborted' ? ', or cut off' : ''}.`,
    );
  return undefined;
}

function storeAway(): ApiProblem {
  return new ApiProblem(503, 'store_unavailable', 'MySQL or Redis does not answer.', {
    headers: { 'Retry-After': '2' },
  });
}

function statusOfFailure(code: string): number {
  if (code === 'unfit' || code.endsWith('_invalid')) return 400;
  if (/_(unknown|not_found)$/.test(code)) return 404;
  if (/_(unreachable|failed|timeout)$|^(schema_outdated|access_denied)$|^database_/.test(code)) return 503;
  return 409;
}

/** What MySQL or MariaDB answers that would do the same later, by errno: they name some of these differently. */
const passing = new Set([
  // Too many connections, of the server or of one user, or too much of one user in an hour.
  1040, 1203, 1226,
  // Stopping, offline, out of a Galera cluster, killed.
  1053, 3032, 1047, 1317, 1927,
  // Reads only.
  1290, 1792, 1836,
  // Waited in vain for a row, again and again; took longer than a statement may.
  1205, 1213, 1969, 3024,
  // Full.
  1021, 1114,
]);

/** Not a fault of the request: the same will do later. */
export function isStoreAway(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof ConnectionAcquireTimeoutError) return true;
  if (error instanceof BaseError) {
    const { fatal, code, errno = 0 } = (error as { parent?: DriverError }).parent ?? {};
    return fatal === true || code === 'ECONNRESET' || passing.has(errno);
  }
  if (!(error instanceof Error)) return false;
  // Not tried, since others were not answered either.
  if ((error as { code?: unknown }).code === 'ESILENT') return true;
  // What ioredis throws has no class in common.
  return (
    /^(AbortError|MaxRetriesPerRequestError|ClusterAllFailedError)$/.test(error.name) ||
    /^(Command timed out|Connection is closed|Stream isn't writeable|Too many Cluster redirections|(READONLY|LOADING|MASTERDOWN|OOM|MISCONF|CLUSTERDOWN) )/.test(
      error.message,
    )
  );
}

interface DriverError {
  readonly fatal?: boolean;
  readonly code?: string;
  readonly errno?: number;
}

/** As where somebody has written into Redis what this console has not, or took a right away. */
export function isRedisRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}
