import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import type { Interface, InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { encryptkey } from './schemas/key-calls.ts';
import { databaseFailure } from './store-failure.ts';

const readPara = createParameterReader(encryptkey.para);

/** qcloud.cam.encryptkey: the user's current encryption keys from WeChat. Not in the original. */
export function createEncryptKey(deps: InterfaceDeps): Interface {
  const options = { timeoutMs: deps.login.deadlineMs, toFailure: databaseFailure };
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    return askForSession(deps, 'encryptKey', parameters, {}, context, options);
  };
}
