import type { Sequelize, Transaction } from 'sequelize';
import type { SessionLimits } from '../session/expiry.ts';
import {
  previousSecretPlace,
  secretPlace,
  UnreadableValueError,
  type ColumnCipher,
  type Place,
  type ValueFault,
} from '../keys/column-cipher.ts';
import type { AppInfo, AppInfoRow } from './models.ts';
import { readRevocations, type Revocations } from './revocations.ts';

/** An app's settings as every process may know them: no secret. */
export interface App extends SessionLimits {
  readonly appid: string;
  /** Marked as the app of requests that name none. */
  readonly isMarkedDefault: boolean;
  /** Sessions that a user may have at once; 1 is the original's policy: a log-in ends the session before it. */
  readonly maxSessions: number;
  /** Seconds for which the previous skey still works after a log-in. */
  readonly graceSeconds: number;
  /** User data with an older watermark is refused; undefined: any age. */
  readonly watermarkMaxAgeSeconds?: number;
  /** A phone number comes by the code of a button alone, not as encrypted data. */
  readonly refusesPhoneData?: true;
  /** Data may be signed with the session_keys of the app's users. */
  readonly allowsSign?: true;
  /** A log-in whose user data no key opens goes on as if none had been sent; else it is refused. */
  readonly leavesOutUndecrypted?: true;
  /** What a log-in says of its device is kept with the session. */
  readonly keepsDevice?: true;
  /** The user's address, as the caller says it, is kept with the session. */
  readonly keepsClientIp?: true;
  /** With several sessions: a log-in ends the user's session on a device of the same kind. */
  readonly isPerDevice?: true;
  /** How its users log in: shared/wechat/kinds; undefined: as those of mini programs do. */
  readonly kind?: string;
  /** The third-party platform that it has authorised. */
  readonly componentAppid?: string;
  /** As revokedBeforeUs, for sessions in rows that name no app, while this is the default app. The same for every app. */
  readonly withoutAppRevokedBeforeUs?: number;
}

/** An app with what web must never read. */
export interface AppWithSecret extends App {
  /** '' if there is none, or none that can be read. */
  readonly secret: string;
  /** Why the secret can't be read. */
  readonly secretFault?: ValueFault;
  /** Still good while the secret is being changed. */
  readonly previousSecret?: string;
}

/** Defaults of the columns, which may also be NULL (docs/protocol.md#apps). */
export const defaultLoginDurationDays = 30;
export const defaultSessionDurationSeconds = 2_592_000;

/** Everything of an app but its secrets. */
export const publicColumns = [
  'appid',
  'login_duration',
  'session_duration',
  'is_default',
  'session_policy',
  'max_sessions',
  'grace_seconds',
  'watermark_max_age_seconds',
  'revoked_before',
  'phone_data',
  'allow_sign',
  'undecrypted',
  'kind',
  'component_appid',
  'keep_device',
  'keep_client_ip',
  'per_device',
] as const;

/** All apps in the order of their primary key, the last of which the original takes. */
export async function readApps(appInfo: AppInfo): Promise<App[]> {
  const rows = await readRows(appInfo, publicColumns);
  const revocations = await readRevocationsBeside(appInfo);
  return rows.map((row) => toApp(row, revocations));
}

/**
 * As {@link readApps}, for what is done in this transaction: until its end nobody changes an app, adds or removes one. What was revoked is
 * not looked at.
 */
export async function readAppsLocked(appInfo: AppInfo, transaction: Transaction): Promise<App[]> {
  const rows = await readRows(appInfo, publicColumns, transaction);
  return rows.map((row) => toApp(row, { ofApp: () => 0, withoutApp: 0 }));
}

/** As {@link readApps}, with the secrets: for workers and `wafer`. One that can't be read is its own app's fault alone. */
export async function readAppsWithSecrets(appInfo: AppInfo, cipher: ColumnCipher): Promise<AppWithSecret[]> {
  const rows = await readRows(appInfo, [...publicColumns, 'secret', 'previous_secret']);
  const revocations = await readRevocationsBeside(appInfo);
  return rows.map((row) => {
    const secret = tryOpen(cipher, secretPlace(row.appid), row.secret);
    const previous = tryOpen(cipher, previousSecretPlace(row.appid), row.previous_secret);
    return {
      ...toApp(row, revocations),
      secret: secret.text,
      ...(secret.fault === undefined ? {} : { secretFault: secret.fault }),
      ...(previous.text === '' ? {} : { previousSecret: previous.text }),
    };
  });
}

function tryOpen(cipher: ColumnCipher, place: Place, stored: string | null): { text: string; fault?: ValueFault } {
  try {
    return { text: cipher.open(place, stored ?? '') };
  } catch (error) {
    if (!(error instanceof UnreadableValueError)) throw error;
    return { text: '', fault: error.fault };
  }
}

async function readRows(
  appInfo: AppInfo,
  attributes: readonly (keyof AppInfoRow)[],
  lockedFor?: Transaction,
): Promise<AppInfoRow[]> {
  return (await appInfo.findAll({
    attributes: [...attributes],
    order: [['appid', 'ASC']],
    raw: true,
    ...(lockedFor === undefined ? {} : { transaction: lockedFor, lock: lockedFor.LOCK.SHARE }),
  })) as unknown as AppInfoRow[];
}

/** After the apps: an app that comes back never lacks the revocation that was there before it. */
function readRevocationsBeside({ sequelize }: AppInfo): Promise<Revocations> {
  return readRevocations(sequelize as Sequelize);
}

function toApp(row: AppInfoRow, { ofApp, withoutApp }: Revocations): App {
  return {
    appid: row.appid,
    isMarkedDefault: row.is_default !== 0,
    loginDurationDays: row.login_duration ?? defaultLoginDurationDays,
    sessionDurationSeconds: row.session_duration ?? defaultSessionDurationSeconds,
    // The column holds revocations made by SQL or by older versions.
    revokedBeforeUs: Math.max(Number(row.revoked_before), ofApp(row.appid)),
    ...(withoutApp === 0 ? {} : { withoutAppRevokedBeforeUs: withoutApp }),
    maxSessions: row.session_policy === 'multi' ? Math.max(row.max_sessions, 1) : 1,
    graceSeconds: row.grace_seconds,
    ...(row.kind === 'wechat' ? {} : { kind: row.kind }),
    ...(row.component_appid === null ? {} : { componentAppid: row.component_appid }),
    ...(row.phone_data === 0 ? { refusesPhoneData: true as const } : {}),
    ...(row.allow_sign === 0 ? {} : { allowsSign: true as const }),
    ...(row.undecrypted === 'without-profile' ? { leavesOutUndecrypted: true as const } : {}),
    ...(row.keep_device === 0 ? {} : { keepsDevice: true as const }),
    ...(row.keep_client_ip === 0 ? {} : { keepsClientIp: true as const }),
    ...(row.per_device === 0 ? {} : { isPerDevice: true as const }),
    ...(row.watermark_max_age_seconds === null ? {} : { watermarkMaxAgeSeconds: row.watermark_max_age_seconds }),
  };
}
