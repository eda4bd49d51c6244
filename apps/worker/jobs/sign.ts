import { createHmac } from 'node:crypto';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../rpc/server.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { findApp } from './app.ts';
import { findKey, type KeySource } from './find-key.ts';
import { tellStoreFailure } from './user-call.ts';

interface SignDeps {
  readonly apps: AppSettings<AppWithSecret>;
  readonly keySource: KeySource;
}

/** Orders of virtual payment have some hundred bytes. */
const maxDataBytes = 4096;

/**
 * qcloud.cam.sign in the worker: only here is there a session_key. Never of nothing: that signature proves to WeChat's checksession,
 * resetusersessionkey and getuserencryptkey who asks (docs/protocol.md#session-key).
 */
export function createSignHandler({ apps, keySource }: SignDeps): CallHandler<'sign'> {
  return tellStoreFailure('data not signed', async (request, context) => {
    const found = await findKey(keySource, request, context);
    if (!found.ok) return found;
    const app = await findApp(apps, request.appid);
    if (app === undefined) return fail('noApp');
    if (app.allowsSign !== true) return fail('notAllowed', 'sign_off');
    const { data } = request;
    if (typeof data !== 'string') return fail('parameterError', 'data_invalid');
    if (data === '') return fail('parameterError', 'data_empty');
    if (Buffer.byteLength(data) > maxDataBytes) return fail('parameterError', 'data_too_long');
    const signature = createHmac('sha256', found.sessionKey).update(data, 'utf8').digest('hex');
    return succeed('SIGN_SUCCESS', `{"signature":"${signature}"}`);
  });
}
