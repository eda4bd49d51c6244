import { BaseError } from 'sequelize';
import type { DatabaseAddress } from '../config/database-url.ts';
import { describeDatabaseFailure } from './database-failure.ts';
import { AdministrationFailure } from './failure.ts';

/** What a store did not do, in our words; what is no failure of a store comes back as it is. */
export function explainStoreFailure(error: unknown, database: DatabaseAddress): unknown {
  return error instanceof BaseError ? describeDatabaseFailure(error, database) : explainRedisFailure(error);
}

/** As {@link explainStoreFailure}, of Redis alone. */
export function explainRedisFailure(error: unknown): unknown {
  if (!isRedisError(error)) return error;
  return new AdministrationFailure('redis_failed', `Redis did not do what it was asked to: ${error.message}`, {
    cause: error,
  });
}

/** What ioredis throws has no class in common; its names and messages are these. */
function isRedisError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const isNamed = ['ReplyError', 'AbortError', 'MaxRetriesPerRequestError', 'ClusterAllFailedError'].includes(
    error.name,
  );
  return (
    isNamed ||
    /^(Command timed out|Connection is closed|Stream isn't writeable|Too many Cluster redirections)/.test(error.message)
  );
}
