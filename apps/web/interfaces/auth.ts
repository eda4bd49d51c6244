import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import { readParameters } from '../../../shared/protocol/request.ts';
import { findSession } from './find-session.ts';
import type { Interface, InterfaceParts } from './interface.ts';
import { databaseFailure } from './store-failure.ts';

/** qcloud.cam.auth: check a session (PROTOCOL.md, 3). */
export function createAuth(parts: InterfaceParts): Interface {
  return async (para, context) => {
    const parameters = readParameters(para, ['id', 'skey']);
    if (parameters === undefined) return fail('parameterError');
    try {
      const found = await findSession(parts, parameters, context);
      if (!found.ok) return found;
      const { session, now } = found;
      parts.visits.record(parameters.id as string, session, now);
      return succeed('AUTH_SUCCESS', `{"user_info":${session.userInfoJson}}`);
    } catch (error) {
      return databaseFailure(error);
    }
  };
}
