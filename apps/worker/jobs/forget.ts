import { hostname } from 'node:os';
import { describeError } from '../../../shared/log/log.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import type { SessionInfo } from '../../../shared/store/models.ts';
import type { CallHandler } from '../rpc/server.ts';
import { findOpenUser } from '../store/session-key-reader.ts';
import type { Eraser } from '../erasure/eraser.ts';

/** qcloud.cam.forget in the worker: the user of a session goes, in its app, with all sessions. */
export function createForgetHandler({
  sessionInfo,
  eraser,
}: {
  readonly sessionInfo: SessionInfo;
  readonly eraser: Eraser;
}): CallHandler<'forget'> {
  return async ({ row, skeyHash, appid, caller }, context) => {
    try {
      const openId = await findOpenUser(sessionInfo, row, skeyHash);
      if (openId === undefined) return fail('sessionInvalid');
      await eraser.erase({
        part: 'everything',
        person: { openId, appid },
        actor: actorOf(caller),
        action: 'qcloud.cam.forget',
      });
      return succeed('FORGET_SUCCESS', '{}');
    } catch (error) {
      context.log.warn({ err: describeError(error) }, 'user not erased');
      return fail('sessionNotWritten', 'store_unavailable');
    }
  };
}

/** Who asks a worker, for the audit log. */
export function actorOf(caller: string | undefined) {
  return { osUser: 'worker', host: hostname(), ...(caller === undefined ? {} : { byName: `caller ${caller}` }) };
}
