import { fail, succeed, type Outcome } from '../../../shared/protocol/outcome.ts';
import { findSession, recallSession, type FoundSession } from './find-session.ts';
import type { Interface, InterfaceParts } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { auth } from './schemas/session.ts';
import { databaseFailure } from './store-failure.ts';

const readPara = createParameterReader(auth.para);

/** qcloud.cam.auth: check a session (docs/protocol.md#auth). */
export function createAuth(parts: InterfaceParts): Interface {
  const accept = (id: unknown, { session, now }: FoundSession): Outcome => {
    parts.visits.record(session, now);
    return succeed('AUTH_SUCCESS', `{"user_info":${session.userInfoJson}}`);
  };

  return (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    // Most checks are of sessions that were checked a moment ago: those are answered without waiting for anything.
    const recalled = recallSession(parts, parameters, context);
    if (recalled !== undefined) return accept(parameters.id, recalled);
    return findSession(parts, parameters, context).then(
      (found) => (found.ok ? accept(parameters.id, found) : found),
      databaseFailure,
    );
  };
}
