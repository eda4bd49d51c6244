import type { SessionLimits } from '../session/expiry.ts';
import type { AppInfo, AppInfoRow } from './models.ts';

/** An app's settings as every process may know them: no secret. */
export interface App extends SessionLimits {
  readonly appid: string;
}

/** Defaults of the columns, which may also be NULL (PROTOCOL.md, 5). */
const defaultLoginDurationDays = 30;
const defaultSessionDurationSeconds = 2_592_000;

/** All apps in the order of their primary key, the last of which the original takes. */
export async function readApps(appInfo: AppInfo): Promise<App[]> {
  return (await readRows(appInfo, ['appid', 'login_duration', 'session_duration'])).map(toApp);
}

/** An app with what only the worker may know. */
export interface AppWithSecret extends App {
  readonly secret: string;
}

/** As {@link readApps}, with the secrets, for the worker's calls to WeChat. */
export async function readAppsWithSecrets(appInfo: AppInfo): Promise<AppWithSecret[]> {
  const rows = await readRows(appInfo, ['appid', 'secret', 'login_duration', 'session_duration']);
  return rows.map((row) => ({ ...toApp(row), secret: row.secret ?? '' }));
}

async function readRows(appInfo: AppInfo, attributes: (keyof AppInfoRow)[]): Promise<AppInfoRow[]> {
  return (await appInfo.findAll({ attributes, order: [['appid', 'ASC']], raw: true })) as unknown as AppInfoRow[];
}

function toApp(row: AppInfoRow): App {
  return {
    appid: row.appid,
    loginDurationDays: row.login_duration ?? defaultLoginDurationDays,
    sessionDurationSeconds: row.session_duration ?? defaultSessionDurationSeconds,
  };
}
