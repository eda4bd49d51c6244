import { hash } from 'node:crypto';
import type { Device } from '../../../shared/session/device.ts';
import { toWallClock } from '../../../shared/session/wall-clock.ts';

/** What a log-in writes, the same for a new user and a known one. */
export interface LoginWrite {
  readonly appid: string;
  readonly openId: string;
  readonly skey: string;
  readonly sessionKey: string;
  /** As the column has it; undefined: none. */
  readonly formerKeys: string | undefined;
  readonly unionId: string | undefined;
  /** Seconds since 1970: create_time and last_visit_time. */
  readonly time: number;
  /** When the log-in was claimed, in microseconds of Redis's clock: an earlier one never overwrites a later one. */
  readonly fence: number;
  /** base64, or undefined to keep what is stored. */
  readonly userInfo: string | undefined;
  /** Of the profile that is stored: the fence of the log-in that brought it. A row with a later one is not written. */
  readonly profileFence: number;
  /** Which of the user's sessions this is, from 0. */
  readonly slot: number;
  readonly device: Device | undefined;
  /** The user's address. */
  readonly clientIp: string | undefined;
  /** By whose key the log-in came; undefined: by none. */
  readonly caller: string | undefined;
  /** Until when the row's previous skey still works, seconds since 1970; undefined: no longer. */
  readonly previousSkeyUntil: number | undefined;
}

/** Longest base64 that fits the original's column as widened; longer ones go to user_info_long. */
export const maxUserInfoLength = 12_000;

/** The columns that every log-in writes, but for those that depend on what was there before. */
export function columnsOf(write: LoginWrite) {
  const time = toWallClock(write.time);
  return {
    skey: write.skey,
    create_time: time,
    last_visit_time: time,
    open_id: write.openId,
    session_key: write.sessionKey,
    former_keys: write.formerKeys ?? null,
    appid: write.appid,
    slot: write.slot,
    device_kind: write.device?.kind ?? null,
    device_label: write.device?.label ?? null,
    client_ip: write.clientIp ?? null,
    caller: write.caller ?? null,
  };
}

/** The columns of a profile, given as base64. */
export function userInfoColumns(base64: string) {
  return base64.length <= maxUserInfoLength
    ? { user_info: base64, user_info_long: null }
    : { user_info: '', user_info_long: base64 };
}

/** Names a user of an app by exact bytes; open_id's own collation would take two users for one. */
export function userKey(appid: string, openId: string): Buffer {
  return hash('sha256', `${appid}\0${openId}`, 'buffer');
}
