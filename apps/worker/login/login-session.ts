import type { JsonDocument } from '../../../shared/protocol/php-json.ts';
import type { DefaultLimits } from '../../../shared/session/app-settings.ts';
import type { Device } from '../../../shared/session/device.ts';
import type { Span } from '../../../shared/tracing/span.ts';
import type { UserRow } from '../store/user-rows.ts';

/** What a log-in's session is written from. */
export interface LoginSession {
  readonly appid: string;
  /** Whether rows without an app are this app's. */
  readonly ownsUnmarked: boolean;
  /** How many sessions the user may have; with one, a log-in ends the session before it. */
  readonly maxSessions: number;
  /** Of those, one for each kind of device. */
  readonly isPerDevice: boolean;
  readonly device: Device | undefined;
  readonly clientIp: string | undefined;
  /** By whose key it came. */
  readonly caller: string | undefined;
  /** Seconds for which the previous skey still works. */
  readonly graceSeconds: number;
  /** The app's, as they are now: a session that has ended by them gets no grace. */
  readonly limits: DefaultLimits;
  readonly openId: string;
  readonly sessionKey: string;
  readonly unionId: string | undefined;
  /** The session's id if the user is new. */
  readonly newId: string;
  readonly skey: string;
  /** What the client sent along, decrypted. */
  readonly profile: JsonDocument | undefined;
  readonly fence: number;
  /** For a log-in that nothing was written of yet; whatever has changed since is noticed when it is written. */
  readonly looked?: LookedUp | undefined;
  /** The ledger had its record: an earlier run, or the same request before, may have written it. */
  readonly hasRecord: boolean;
  /** Seconds since 1970. */
  readonly time: number;
  /** Redis's time in microseconds. */
  readonly redisNowUs: () => number;
  /** Of its log-in, if that is traced. */
  readonly span?: Span | undefined;
}

export interface WrittenSession {
  /** Primary key, which says nothing of the user to somebody without the database. */
  readonly row: number;
  readonly id: string;
  readonly isNew: boolean;
  /** The profile that later auth checks answer. */
  readonly storedProfile: JsonDocument | undefined;
  /** Of the log-in that brought it. */
  readonly profileFence: number;
}

export type Profile = JsonDocument | undefined;

/** The rows of a user as they were a moment ago. */
export type LookedUp = Promise<UserRow[]>;
