import type { LoginWrite } from '../../apps/worker/store/login-write.ts';

/** What a log-in of this user writes. */
export function loginWriteOf(openId: string, different: Partial<LoginWrite> = {}): LoginWrite {
  return {
    appid: 'wx',
    openId,
    skey: `skey ${openId} '\\"`,
    sessionKey: 'key+/==',
    formerKeys: undefined,
    unionId: undefined,
    time: 1_700_000_000,
    fence: 1_800_000_000_000_000,
    userInfo: 'e30=',
    profileFence: 1_800_000_000_000_000,
    slot: 0,
    device: undefined,
    clientIp: undefined,
    caller: undefined,
    previousSkeyUntil: undefined,
    ...different,
  };
}
