import { createAuth } from './auth.ts';
import { createDecrypt } from './decrypt.ts';
import { createIdSkey } from './id-skey.ts';
import { initdata } from './initdata.ts';
import { createLogout } from './logout.ts';
import type { Interface, InterfaceParts } from './interface.ts';

/** The whole protocol: every interfaceName and what answers it. */
export function createInterfaces(parts: InterfaceParts): ReadonlyMap<string, Interface> {
  return new Map([
    ['qcloud.cam.auth', createAuth(parts)],
    ['qcloud.cam.id_skey', createIdSkey(parts)],
    ['qcloud.cam.decrypt', createDecrypt(parts)],
    ['qcloud.cam.initdata', initdata],
    ['qcloud.cam.logout', createLogout(parts)],
  ]);
}
