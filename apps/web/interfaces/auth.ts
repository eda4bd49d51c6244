import { fail, succeed, type Failure, type Outcome } from '../../../shared/protocol/outcome.ts';
import { checkCredentials, type FoundSession } from './find-session.ts';
import type { Interface, InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { auth } from './schemas/session.ts';
import { databaseFailure } from './store-failure.ts';

const readPara = createParameterReader(auth.para);

/** qcloud.cam.auth: check a session (docs/protocol.md#auth). */
export function createAuth(deps: InterfaceDeps): Interface {
  const toOutcome = (found: FoundSession | Failure): Outcome => {
    if (!found.ok) return found;
    deps.visits.record(found.session, found.now);
    return succeed('AUTH_SUCCESS', `{"user_info":${found.session.userInfoJson}}`);
  };

  return (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    const found = checkCredentials(deps, parameters, context);
    return found instanceof Promise ? found.then(toOutcome, databaseFailure) : toOutcome(found);
  };
}
