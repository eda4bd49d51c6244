import { createAuth } from './auth.ts';
import { createCheckSession } from './checksession.ts';
import { createDecrypt } from './decrypt.ts';
import { createIdSkey } from './id-skey.ts';
import { initdata } from './initdata.ts';
import { createLogout } from './logout.ts';
import { createPhone } from './phone.ts';
import { createResetKey } from './resetkey.ts';
import { createUserInfo } from './userinfo.ts';
import type { Interface, InterfaceParts } from './interface.ts';

/** The whole protocol: every interfaceName and what answers it. */
export function createInterfaces(parts: InterfaceParts): ReadonlyMap<string, Interface> {
  return new Map([
    ['qcloud.cam.auth', createAuth(parts)],
    ['qcloud.cam.id_skey', createIdSkey(parts)],
    ['qcloud.cam.decrypt', createDecrypt(parts)],
    ['qcloud.cam.initdata', initdata],
    ['qcloud.cam.logout', createLogout(parts)],
    ['qcloud.cam.userinfo', createUserInfo(parts)],
    ['qcloud.cam.phone', createPhone(parts)],
    ['qcloud.cam.checksession', createCheckSession(parts)],
    ['qcloud.cam.resetkey', createResetKey(parts)],
  ]);
}
