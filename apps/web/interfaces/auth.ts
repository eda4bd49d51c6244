import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import { readParameters } from '../../../shared/protocol/request.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { Interface, InterfaceParts } from './interface.ts';
import { databaseFailure } from './store-failure.ts';

/** qcloud.cam.auth: check a session (PROTOCOL.md, 3). */
export function createAuth({ apps, sessions, visits }: InterfaceParts): Interface {
  return async (para) => {
    const parameters = readParameters(para, ['id', 'skey']);
    if (parameters === undefined) return fail('parameterError');
    const { id, skey } = parameters;
    try {
      const configured = await apps.current();
      if (configured.default === undefined) return fail('noApp');
      const now = nowSeconds();
      const session = await sessions.findValid(id, skey, configured, now);
      if (session === undefined) return fail('sessionInvalid');
      visits.record(id as string, session, now);
      return succeed('AUTH_SUCCESS', `{"user_info":${session.userInfoJson}}`);
    } catch (error) {
      return databaseFailure(error);
    }
  };
}
