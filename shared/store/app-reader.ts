import type { SessionLimits } from '../session/expiry.ts';
import type { AppInfo, AppInfoRow } from './models.ts';

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
}

/** An app with what only the worker may know. */
export interface AppWithSecret extends App {
  readonly secret: string;
  /** Still good while the secret is being changed. */
  readonly previousSecret?: string;
}

/** Defaults of the columns, which may also be NULL (PROTOCOL.md, 5). */
const defaultLoginDurationDays = 30;
const defaultSessionDurationSeconds = 2_592_000;

const publicColumns = [
  'appid',
  'login_duration',
  'session_duration',
  'is_default',
  'session_policy',
  'max_sessions',
  'grace_seconds',
  'watermark_max_age_seconds',
  'revoked_before',
] as const;

/** All apps in the order of their primary key, the last of which the original takes. */
export async function readApps(appInfo: AppInfo): Promise<App[]> {
  return (await readRows(appInfo, publicColumns)).map(toApp);
}

/** As {@link readApps}, with the secrets, for the worker's calls to WeChat. */
export async function readAppsWithSecrets(appInfo: AppInfo): Promise<AppWithSecret[]> {
  const rows = await readRows(appInfo, [...publicColumns, 'secret', 'previous_secret']);
  return rows.map((row) => ({
    ...toApp(row),
    secret: row.secret ?? '',
    ...(row.previous_secret ? { previousSecret: row.previous_secret } : {}),
  }));
}

async function readRows(appInfo: AppInfo, attributes: readonly (keyof AppInfoRow)[]): Promise<AppInfoRow[]> {
  return (await appInfo.findAll({
    attributes: [...attributes],
    order: [['appid', 'ASC']],
    raw: true,
  })) as unknown as AppInfoRow[];
}

function toApp(row: AppInfoRow): App {
  return {
    appid: row.appid,
    isMarkedDefault: row.is_default !== 0,
    loginDurationDays: row.login_duration ?? defaultLoginDurationDays,
    sessionDurationSeconds: row.session_duration ?? defaultSessionDurationSeconds,
    revokedBeforeUs: Number(row.revoked_before),
    maxSessions: row.session_policy === 'multi' ? Math.max(row.max_sessions, 1) : 1,
    graceSeconds: row.grace_seconds,
    ...(row.watermark_max_age_seconds === null ? {} : { watermarkMaxAgeSeconds: row.watermark_max_age_seconds }),
  };
}
