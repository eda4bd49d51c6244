/** Every interface of the protocol, by its name on the wire. */
export const interfaceNames = [
  'qcloud.cam.id_skey',
  'qcloud.cam.auth',
  'qcloud.cam.decrypt',
  'qcloud.cam.userinfo',
  'qcloud.cam.phone',
  'qcloud.cam.checksession',
  'qcloud.cam.resetkey',
  'qcloud.cam.sign',
  'qcloud.cam.encryptkey',
  'qcloud.cam.logout',
  'qcloud.cam.forget',
  'qcloud.cam.initdata',
] as const;

export type InterfaceName = (typeof interfaceNames)[number];
