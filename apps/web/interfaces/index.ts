import { createAuth } from './auth.ts';
import { createCheckSession } from './checksession.ts';
import { createDecrypt } from './decrypt.ts';
import { createEncryptKey } from './encryptkey.ts';
import { createForget } from './forget.ts';
import { createIdSkey } from './id-skey.ts';
import { initdata } from './initdata.ts';
import { createLogout } from './logout.ts';
import { createPhone } from './phone.ts';
import { createResetKey } from './resetkey.ts';
import { createSign } from './sign.ts';
import { createUserInfo } from './userinfo.ts';
import type { Interface, InterfaceDeps } from './interface.ts';

/** The whole protocol: every interfaceName and what answers it. */
export function createInterfaces(deps: InterfaceDeps): ReadonlyMap<string, Interface> {
  return new Map([
    ['qcloud.cam.auth', createAuth(deps)],
    ['qcloud.cam.id_skey', createIdSkey(deps)],
    ['qcloud.cam.decrypt', createDecrypt(deps)],
    ['qcloud.cam.initdata', initdata],
    ['qcloud.cam.logout', createLogout(deps)],
    ['qcloud.cam.forget', createForget(deps)],
    ['qcloud.cam.userinfo', createUserInfo(deps)],
    ['qcloud.cam.phone', createPhone(deps)],
    ['qcloud.cam.checksession', createCheckSession(deps)],
    ['qcloud.cam.resetkey', createResetKey(deps)],
    ['qcloud.cam.sign', createSign(deps)],
    ['qcloud.cam.encryptkey', createEncryptKey(deps)],
  ]);
}
