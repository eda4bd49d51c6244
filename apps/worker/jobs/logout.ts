import type { Sequelize } from 'sequelize';
import { describeError } from '../../../shared/log/log.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../rpc/server.ts';
import type { SessionCache } from '../../../shared/session/session-cache.ts';
import type { SessionInfo } from '../../../shared/store/models.ts';
import { endSessions } from '../../../shared/store/session-ender.ts';
import { isSessionOpen } from '../store/session-key-reader.ts';

interface LogoutDeps {
  readonly sequelize: Sequelize;
  readonly sessionInfo: SessionInfo;
  readonly cache: SessionCache;
}

/** qcloud.cam.logout in the worker: the session is over in MySQL, in the cache and in every process. */
export function createLogoutHandler({ sequelize, sessionInfo, cache }: LogoutDeps): CallHandler<'logout'> {
  return async ({ row, id, skeyHash }, context) => {
    try {
      // A log-in may have come in between: its session is not the one that was asked to end.
      if (!(await isSessionOpen(sessionInfo, row, skeyHash))) return fail('sessionInvalid');
      const mark = await cache.mark([id]);
      // If this fails nobody knows whether it is written: the mark stays until it ends by itself.
      await endSessions(sequelize, [row], 'logged_out');
      await cache.withdraw([id], mark).catch(() => undefined);
      context.log.info({ row }, 'log-out');
      return succeed('LOGOUT_SUCCESS', '{}');
    } catch (error) {
      context.log.warn({ err: describeError(error) }, 'log-out not written');
      return fail('sessionNotWritten', 'store_unavailable');
    }
  };
}
