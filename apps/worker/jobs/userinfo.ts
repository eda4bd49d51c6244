import { describeError } from '../../../shared/log/log.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../rpc/server.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import { isAnonymous, renderUserInfo } from '../../../shared/session/user-info.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { isSignedRight, reasonOf } from '../user-data.ts';
import type { UserDataOpener } from '../user-data-opener.ts';
import { findApp } from './app.ts';
import { findKey, type KeySource } from './find-key.ts';
import { tellStoreFailure } from './user-call.ts';
import type { ProfileWriter } from '../profile-writer.ts';

interface UserInfoDeps {
  readonly apps: AppSettings<AppWithSecret>;
  readonly keySource: KeySource;
  readonly userData: UserDataOpener;
  readonly profiles: ProfileWriter;
}

/** qcloud.cam.userinfo in the worker: session key → signature → decrypt → profile write → answer. */
export function createUserInfoHandler(deps: UserInfoDeps): CallHandler<'userInfo'> {
  const { apps, keySource, userData, profiles } = deps;
  return tellStoreFailure('user data not decrypted', async (request, context) => {
    const found = await findKey(keySource, request, context);
    if (!found.ok) return found;
    const app = await findApp(apps, request.appid);
    if (app === undefined) return fail('noApp');
    if (!isSignedRight(request, found)) return fail('loginDecryptFailed', 'signature_wrong');
    const profile = await userData.open('userInfo', 'profile', request, found, app);
    if (typeof profile === 'string') return fail('loginDecryptFailed', profile);
    try {
      const isOpen = await profiles.write(request, profile, context);
      if (!isOpen) return fail('sessionInvalid');
    } catch (error) {
      context.log.warn({ err: describeError(error) }, 'profile not written');
      return fail('sessionNotWritten', 'store_unavailable');
    }
    context.log.info({ row: request.row, isAnonymous: isAnonymous(profile) }, 'profile');
    return succeed('USERINFO_SUCCESS', `{"user_info":${renderUserInfo(profile)}}`, reasonOf(profile));
  });
}
