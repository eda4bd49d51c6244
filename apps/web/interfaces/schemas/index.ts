import type { InterfaceName } from '../../../../shared/protocol/interface-names.ts';
import { initdata } from './initdata.ts';
import type { InterfaceSchema } from './interface-schema.ts';
import { encryptkey, sign } from './key-calls.ts';
import { idSkey } from './login.ts';
import { auth, decrypt, forget, logout } from './session.ts';
import { checksession, phone, resetkey, userinfo } from './wechat-calls.ts';

const schemas: Readonly<Record<InterfaceName, InterfaceSchema>> = {
  'qcloud.cam.id_skey': idSkey,
  'qcloud.cam.auth': auth,
  'qcloud.cam.decrypt': decrypt,
  'qcloud.cam.userinfo': userinfo,
  'qcloud.cam.phone': phone,
  'qcloud.cam.checksession': checksession,
  'qcloud.cam.resetkey': resetkey,
  'qcloud.cam.sign': sign,
  'qcloud.cam.encryptkey': encryptkey,
  'qcloud.cam.logout': logout,
  'qcloud.cam.forget': forget,
  'qcloud.cam.initdata': initdata,
};

/** What every interface of the protocol takes and answers, by interfaceName; the same names as in ../index.ts. */
export const interfaceSchemas: ReadonlyMap<string, InterfaceSchema> = new Map(Object.entries(schemas));
