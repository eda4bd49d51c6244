import type { Sequelize } from 'sequelize';
import { soon } from '../../../shared/async/patience.ts';
import { describeError } from '../../../shared/log/log.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../rpc/server.ts';
import type { EventDemand } from '../events/demand.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import { unmarkPatienceMs, type SessionCache } from '../../../shared/session/session-cache.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { endAndAnnounce } from '../store/end-and-announce.ts';
import type { SessionInfo } from '../../../shared/store/models.ts';
import { endSessions } from '../../../shared/store/session-ender.ts';
import { findOpenSkey } from '../store/session-key-reader.ts';

interface LogoutDeps {
  readonly sequelize: Sequelize;
  readonly sessionInfo: SessionInfo;
  readonly cache: SessionCache;
  readonly apps: AppSettings<AppWithSecret>;
  readonly demand: EventDemand;
}

/** qcloud.cam.logout in the worker: the session is over in MySQL, in the cache and in every process. */
export function createLogoutHandler({
  sequelize,
  sessionInfo,
  cache,
  apps,
  demand,
}: LogoutDeps): CallHandler<'logout'> {
  const endAnnounced = async (row: number, skey: string): Promise<number> => {
    const defaultAppid = (await apps.current()).default?.appid;
    return endAndAnnounce(sequelize, [row], 'logged_out', { defaultAppid, skey });
  };
  return async ({ row, id, skeyHash }, context) => {
    try {
      // A log-in may come in between, now and until the end is written: its session is not the one that was asked to end.
      const skey = await findOpenSkey(sessionInfo, row, skeyHash);
      if (skey === undefined) {
        // A front end has just found it valid: what it went by is old.
        await soon(cache.withdraw([id], await cache.mark([id])), unmarkPatienceMs);
        return fail('sessionInvalid');
      }
      const mark = await cache.mark([id]);
      // If this fails nobody knows whether it is written: the mark stays until it ends by itself.
      const ended = (await demand.isAny())
        ? await endAnnounced(row, skey)
        : await endSessions(sequelize, [row], 'logged_out', { skey });
      await soon(cache.withdraw([id], mark), unmarkPatienceMs);
      if (ended === 0) return fail('sessionInvalid');
      context.log.info({ row }, 'log-out');
      return succeed('LOGOUT_SUCCESS', '{}');
    } catch (error) {
      context.log.warn({ err: describeError(error) }, 'log-out not written');
      return fail('sessionNotWritten', 'store_unavailable');
    }
  };
}
