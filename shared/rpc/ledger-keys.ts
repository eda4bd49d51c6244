import { queueTag } from './contract.ts';
import type { Seal } from './seal.ts';

// Names of what is kept of codes and users: keys of Redis, and what is sealed under them for what, which an erasure opens too; and fingerprints
// of users, which are also in MySQL (`erasedUserOf`) or in a worker's memory alone (`limitedUserOf`).

/** A user in an app. */
export interface AppUser {
  readonly appid: string;
  readonly openId: string;
}

/** Where a code is kept: in the slot of its queue. */
export function codeKeyOf(seal: Seal, shard: number, appid: string, code: string): string {
  return `${queueTag('login', shard)}:code:${seal.fingerprint(appid, code)}`;
}

export const isCodeKey = (key: string): boolean => /^\{wafer:login:\d+\}:code:/.test(key);

/** WeChat's answer to a code, and the session that it leads to. */
export const codeRecordPurpose = (key: string) => `record ${key}`;
/** Why there is no session to be had from a code. */
export const codeFailurePurpose = (key: string) => `failure ${key}`;

export const phoneKeyPrefix = 'wafer:phone:';

export function phoneCodeKey(seal: Seal, appid: string, code: string): string {
  return `${phoneKeyPrefix}${seal.fingerprint('phone', appid, code)}`;
}

/** What came of a phone code. */
export const phonePurpose = (key: string) => `phone ${key}`;

/** Names the user of a phone code, whom the code does not tell. */
export function phoneOwnerOf(seal: Seal, { appid, openId }: AppUser): string {
  return seal.fingerprint('phone owner', appid, openId);
}

/** Where a user's failed decrypts are counted. Outlives an erasure of the user, until it ends by itself. */
export function triesKeyOf(seal: Seal, { appid, openId }: AppUser): string {
  return `wafer:tries:${seal.fingerprint('user data', appid, openId)}`;
}

/** Names a user among those whom a process limits: no erasure of the user makes it forget that. */
export function limitedUserOf(seal: Seal, { appid, openId }: AppUser): string {
  return seal.fingerprint('limited user', appid, openId);
}

/** Names a user among those who are to be forgotten. */
export function erasedUserOf(seal: Seal, { appid, openId }: AppUser): string {
  return seal.fingerprint('person', appid, openId);
}

/** Of an order that a user be erased, which log-ins on their way find. */
export const erasurePurpose = (key: string) => `order ${key}`;
