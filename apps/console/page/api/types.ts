// What the console answers, as far as the page shows it. The schemas that validate it are beside the routes in apps/console/api.

export type Role = 'viewer' | 'operator' | 'admin';

export interface Me {
  readonly name: string;
  readonly role: Role;
  readonly via: 'password' | 'oidc' | 'token';
  /** Whether signing in asks for a code of an authenticator. */
  readonly totp: boolean;
}

export interface SignInWays {
  readonly password: boolean;
  readonly oidc: { readonly name: string } | null;
}

export interface Rates {
  readonly okPerSecond: number;
  readonly refusedPerSecond: number;
  readonly failedPerSecond: number;
  /** ok of ok and failed: what clients do wrong is no failure of the server. */
  readonly successShare: number | null;
}

interface StageTime {
  readonly stage: string;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface Now {
  readonly at: string;
  /** null: nothing was counted yet. */
  readonly windowSeconds: number | null;
  readonly total: { readonly logins: Rates; readonly checks: Rates };
  readonly apps: readonly { readonly appid: string | null; readonly logins: Rates; readonly checks: Rates }[];
  readonly loginTimes: readonly (StageTime & { readonly count: number })[];
  readonly lookups: { readonly remembered: number; readonly cached: number; readonly confirmed: number };
  readonly wechat: readonly {
    readonly api: string;
    readonly result: string;
    readonly count: number;
    readonly perSecond: number;
    readonly isFault: boolean;
    readonly meaning: string | null;
    readonly remedy: string | null;
  }[];
  readonly queues: readonly {
    readonly queue: string;
    readonly shards: number;
    readonly waiting: number;
    readonly active: number;
    readonly delayed: number;
    readonly oldestSeconds: number | null;
  }[];
  readonly calls: { readonly waiting: number; readonly refusedPerSecond: number };
  readonly processes: readonly {
    readonly name: string;
    readonly role: 'web' | 'worker';
    readonly version: string | null;
    readonly startedAt: string | null;
    readonly cpuShare: number | null;
    readonly memoryBytes: number | null;
    readonly loopDelayMs: number | null;
    readonly seenSecondsAgo: number;
  }[];
  readonly stores: readonly { readonly name: string; readonly isUp: boolean; readonly ms: number | null }[];
  readonly degraded: readonly {
    readonly code: string;
    readonly isFault: boolean;
    readonly detail: string;
    readonly remedy: string;
  }[];
}

export interface Counts {
  readonly ok: number;
  readonly refused: number;
  readonly failed: number;
}

export interface Samples {
  readonly from: string;
  readonly to: string;
  readonly stepSeconds: number;
  readonly series: readonly {
    readonly appid: string | null;
    readonly points: readonly {
      readonly at: string;
      /** How many seconds of the step were sampled; 0: a gap. */
      readonly seconds: number;
      readonly logins: Counts;
      readonly checks: Counts;
    }[];
  }[];
  readonly system: readonly {
    readonly at: string;
    readonly loginTimes: readonly StageTime[];
    readonly wechat: readonly { readonly api: string; readonly result: string; readonly count: number }[];
    readonly waitingMost: number | null;
    readonly oldestSecondsMost: number | null;
    readonly web: number | null;
    readonly workers: number | null;
  }[];
}

type EndReason = 'replaced' | 'revoked' | 'logged_out' | 'expired' | 'idle';

/** `live`: whoever has its skey is let in; else why nobody is. */
type SessionState = 'live' | 'expired' | 'idle' | 'revoked' | 'replaced' | 'logged_out' | 'app_removed';

export interface SessionItem {
  /** Primary key of cSessionInfo. */
  readonly row: number;
  /** As it goes over the wire. */
  readonly id: string;
  /** '' in rows of the original: of the default app. */
  readonly appid: string;
  readonly openId: string;
  readonly unionId: string | null;
  readonly nickName: string | null;
  readonly state: SessionState;
  readonly loggedInAt: string;
  readonly lastVisitAt: string;
  readonly expiresAt: string | null;
  readonly endedAt: string | null;
  readonly device: { readonly kind: string | null; readonly label: string | null } | null;
  readonly clientIp: string | null;
  /** By whose key its last log-in came. */
  readonly caller: string | null;
}

export interface SessionDetail extends SessionItem {
  readonly ends: readonly { readonly why: EndReason; readonly at: string }[];
  readonly cached: 'same' | 'differs' | 'changing' | 'none' | 'unknown';
}

export interface AppItem {
  readonly appid: string;
  readonly isDefault: boolean;
  readonly kind: string;
  readonly componentAppid?: string;
  readonly corps?: readonly string[];
  readonly hasSecret: boolean;
  readonly hasPreviousSecret: boolean;
  readonly secretFault?: string;
  readonly loginDurationDays: number;
  readonly sessionDurationSeconds: number;
  readonly maxSessions: number;
  readonly graceSeconds: number;
  readonly watermarkMaxAgeSeconds: number | null;
  readonly phoneData: boolean;
  readonly allowSign: boolean;
  readonly undecrypted: 'refuse' | 'without-profile';
  readonly keepDevice: boolean;
  readonly keepClientIp: boolean;
  readonly perDevice: boolean;
}

export interface CallerItem {
  readonly name: string;
  readonly appids: readonly string[] | null;
  readonly may: readonly string[] | null;
  readonly createdAt: string;
}

export type VersionCounts = Readonly<Record<string, number>>;

export interface KeysState {
  readonly writes: number | 'plain';
  readonly keys: readonly number[];
  readonly secrets: VersionCounts;
  readonly sessionKeys: VersionCounts;
  readonly formerKeys: VersionCounts;
  readonly missing: readonly number[];
  readonly wrong: { readonly apps: readonly string[]; readonly rows: readonly number[] };
}

export interface RotationState {
  readonly state: 'none' | 'running' | 'done' | 'failed' | 'interrupted';
  readonly done: number;
  readonly total: number | null;
  readonly changed: number;
  readonly unreadable: number;
  readonly startedAt: string | null;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

export interface QueuesState {
  readonly queues: readonly {
    readonly queue: string;
    readonly shard: number;
    readonly waiting: number;
    readonly active: number;
    readonly delayed: number;
    readonly failed: number;
    readonly oldestWaitingMs: number | null;
  }[];
  readonly visitsWaiting: number;
  readonly retention: {
    readonly last: { readonly endedAt: string; readonly removed: Readonly<Record<string, number>> } | null;
    readonly isRunning: boolean;
    readonly nextAt: string | null;
  };
}

export interface AuditItem {
  readonly id: number;
  readonly at: string;
  readonly by: string;
  readonly via: 'cli' | 'console' | 'worker';
  /** The machine where it was done; of an operator, the address that they came from. */
  readonly host: string;
  readonly onBehalfOf: string | null;
  readonly action: string;
  readonly target: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'fault';
  readonly found: string;
  readonly remedy?: string;
  readonly cause?: string;
}

export interface OperatorItem {
  readonly name: string;
  readonly kind: 'person' | 'token';
  readonly role: Role;
  readonly isDisabled: boolean;
  readonly passwordSet: boolean;
  readonly totp: boolean;
  readonly tokenUntil: string | null;
  readonly lastSignInAt: string | null;
  readonly createdAt: string;
}

export interface OwnSignIn {
  readonly id: string;
  readonly from: string;
  readonly userAgent: string;
  readonly signedInAt: string;
  readonly lastSeenAt: string;
  readonly isThis: boolean;
}

export interface EndpointItem {
  readonly name: string;
  /** The rest of the address may hold a secret. */
  readonly origin: string;
  readonly apps: readonly string[] | null;
  readonly events: readonly string[] | null;
  readonly enabled: boolean;
  readonly createdAt: string;
  readonly deliveredAt: string | null;
  readonly failingSince: string | null;
  readonly failure: string | null;
  /** For so long the oldest event waits. */
  readonly oldestSeconds: number;
  readonly dead: number;
  readonly waiting: readonly WaitingEvent[];
}

/** An endpoint does not take it, and others wait for it. */
export interface WaitingEvent {
  readonly sequence: number;
  readonly event: string;
  readonly appid: string | null;
  readonly openId: string | null;
  /** When it was refused first. */
  readonly since: string;
  readonly failure: string;
}

export interface DeadLetter {
  readonly id: number;
  readonly endpoint: string;
  readonly at: string;
  readonly event: string;
  readonly appid: string | null;
  readonly openId: string | null;
  readonly failure: string;
  readonly diedAt: string;
  /** It is on its way once more. */
  readonly again: boolean;
}
