import { ConfigError } from '../config/config.ts';
import { toPlainText } from '../log/plain-text.ts';
import type { ColumnCipher } from '../keys/column-cipher.ts';
import { toApps } from '../session/app-settings.ts';
import { readApps, readAppsWithSecrets, type App } from '../store/app-reader.ts';
import type { Actor } from '../store/audit.ts';
import type { AppInfo, AppInfoRow } from '../store/models.ts';
import { changeKind, type KindChange, type KindSettings } from './app-kind.ts';
import { AdministrationFailure, UnfitRequest, unknownApp } from './failure.ts';
import { tryForgetEverywhere, type Forgotten } from './forget-everywhere.ts';
import type { OpenDatabase, UseRedis } from './stores.ts';
import { nextDefaultNeeded, removeApp as removeStored, writeApp, type WrittenApp } from './write-app.ts';

/** What of an app can be changed beside its secret; what is undefined stays as it is. */
export interface AppSettings extends KindSettings {
  readonly loginDurationDays?: number | undefined;
  readonly sessionDurationSeconds?: number | undefined;
  /** false: requests and rows that name no app stay with the app that they are for. */
  readonly isDefault?: boolean | undefined;
  readonly policy?: 'single' | 'multi' | undefined;
  readonly maxSessions?: number | undefined;
  readonly graceSeconds?: number | undefined;
  /** 0: any age. */
  readonly watermarkMaxAgeSeconds?: number | undefined;
  readonly phoneData?: boolean | undefined;
  readonly allowSign?: boolean | undefined;
  readonly undecrypted?: 'refuse' | 'without-profile' | undefined;
  readonly keepDevice?: boolean | undefined;
  readonly keepClientIp?: boolean | undefined;
  readonly perDevice?: boolean | undefined;
}

/** A change that has been looked at: nobody need give a secret for nothing. */
export interface PreparedApp {
  readonly appid: string;
  /** undefined: it is new. */
  readonly before: App | undefined;
  readonly settings: AppSettings;
  readonly change: KindChange;
  readonly columns: Partial<AppInfoRow>;
  /** Without a secret only settings change. */
  readonly maySecretStay: boolean;
}

const maxAppidLength = 200;
const maxSecretLength = 300;

/** @throws {UnfitRequest | AdministrationFailure} for what can't be done, before anything is */
export async function prepareApp(
  { appInfo }: Pick<OpenDatabase, 'appInfo'>,
  cipher: ColumnCipher,
  appid: string,
  settings: AppSettings,
): Promise<PreparedApp> {
  checkAppid(appid);
  const isKnown = await findApp(appInfo, appid);
  const before = isKnown
    ? (await readAppsWithSecrets(appInfo, cipher)).find((each) => each.appid === appid)
    : undefined;
  const change = changeKind(before, settings);
  const columns = { ...settingColumns(settings), ...change.columns };
  const changesSettings = Object.keys(columns).length > 0;
  if (change.wants === 'none' && !changesSettings && settings.removeCorpid === undefined)
    throw new UnfitRequest(`nothing is to be changed: an app of kind ${change.kind} has no secret to be asked for`);
  // Whoever changes a setting need not know the secret.
  const maySecretStay =
    change.wants === 'none' ||
    (change.wants === 'ask' && isKnown && settings.keepPrevious !== true && !change.isChanged && changesSettings);
  return { appid, before, settings, change, columns, maySecretStay };
}

/** @throws {UnfitRequest} */
export function checkAppid(appid: string): void {
  if (appid.length > maxAppidLength || !/^[!-~]+$/.test(appid))
    throw new UnfitRequest('the appid must be one word of plain characters');
}

/** @throws {AdministrationFailure} secret_invalid */
export function checkSecret(secret: string): string {
  if (secret.length <= maxSecretLength && !/[\p{Cc}\s]/u.test(secret)) return secret;
  throw new AdministrationFailure(
    'secret_invalid',
    `That is no secret: it must be one word of at most ${maxSecretLength} characters. Nothing was changed.`,
  );
}

/** An app that was set, and what else has changed by that. */
export interface SetApp extends WrittenApp {
  readonly app: App;
  readonly kind: string;
  readonly isKindChanged: boolean;
  readonly isSecretChanged: boolean;
  readonly isDefault: boolean;
  readonly forgotten: Forgotten;
}

/** Adds an app or changes it, for every process. @param given the secret; undefined: it stays as it is */
export async function setApp(
  database: OpenDatabase,
  { cipher, useRedis, actor }: { readonly cipher: ColumnCipher; readonly useRedis: UseRedis; readonly actor: Actor },
  { appid, settings, change, columns, maySecretStay }: PreparedApp,
  given: string | undefined,
): Promise<SetApp> {
  const { appInfo } = database;
  if (given === undefined && !maySecretStay) throw new UnfitRequest('its secret is needed for this');
  if (given !== undefined && change.wants === 'none')
    throw new UnfitRequest(`no secret is stored by this, of an app of kind ${change.kind}`);
  const secret = change.secretOf(given);
  if (settings.isDefault === false) await refuseToUnset(appInfo, appid);
  const written = await writeApp(
    database,
    cipher,
    { appid, secret, keepPrevious: settings.keepPrevious ?? false, columns },
    actor,
  );
  const forgotten = await tryForgetEverywhere(useRedis);
  const apps = await readApps(appInfo);
  return {
    ...written,
    app: apps.find((each) => each.appid === appid) as App,
    kind: change.kind,
    isKindChanged: change.isChanged,
    isSecretChanged: secret !== undefined,
    isDefault: toApps(apps).default?.appid === appid,
    forgotten,
  };
}

/** The columns that the settings change, but for those of its kind. */
export function settingColumns(settings: AppSettings): Partial<AppInfoRow> {
  const columns = {
    login_duration: settings.loginDurationDays,
    session_duration: settings.sessionDurationSeconds,
    is_default: settings.isDefault === true ? 1 : undefined,
    session_policy: settings.policy,
    max_sessions: settings.maxSessions,
    grace_seconds: settings.graceSeconds,
    watermark_max_age_seconds:
      settings.watermarkMaxAgeSeconds === undefined ? undefined : settings.watermarkMaxAgeSeconds || null,
    phone_data: toFlag(settings.phoneData),
    allow_sign: toFlag(settings.allowSign),
    undecrypted: settings.undecrypted,
    keep_device: toFlag(settings.keepDevice),
    keep_client_ip: toFlag(settings.keepClientIp),
    per_device: toFlag(settings.perDevice),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

function toFlag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** What has become of the others when an app is gone. */
export interface RemovedApp {
  readonly defaultBefore: string | undefined;
  readonly defaultNow: string | undefined;
  /** The appids of the apps that are left. */
  readonly left: readonly string[];
  readonly forgotten: Forgotten;
}

/** Which app is the default one when this is gone. @throws {AdministrationFailure} app_unknown, default_needed */
export async function foreseeRemoval(
  { appInfo }: Pick<OpenDatabase, 'appInfo'>,
  appid: string,
): Promise<Pick<RemovedApp, 'defaultNow'>> {
  if (!(await findApp(appInfo, appid))) throw unknownApp(appid);
  const apps = await readApps(appInfo);
  const left = apps.filter((app) => app.appid !== appid);
  if (toApps(apps).default?.appid === appid && left.length > 1) throw nextDefaultNeeded(appid);
  return { defaultNow: toApps(left).default?.appid };
}

/** Removes an app and ends its sessions for good, for every process. @throws {AdministrationFailure} app_unknown, default_needed */
export async function removeApp(
  database: OpenDatabase,
  useRedis: UseRedis,
  appid: string,
  actor: Actor,
): Promise<RemovedApp> {
  const { appInfo } = database;
  if (!(await findApp(appInfo, appid))) throw unknownApp(appid);
  const removed = await removeStored(database, appid, await readNowUs(useRedis), actor);
  const forgotten = await tryForgetEverywhere(useRedis);
  const left = (await readApps(appInfo)).map((app) => app.appid);
  return { ...removed, left, forgotten };
}

/** Redis's time, which log-ins have too; this machine's if Redis is away: a removal does not wait for it. */
async function readNowUs(useRedis: UseRedis): Promise<number> {
  try {
    return await useRedis(async ({ clock }) => Math.floor(clock.nowMs() * 1000));
  } catch (error) {
    if (!(error instanceof AdministrationFailure || error instanceof ConfigError)) throw error;
    return Date.now() * 1000;
  }
}

/** @throws {AdministrationFailure} default_needed: somebody has to be it */
async function refuseToUnset(appInfo: AppInfo, appid: string): Promise<void> {
  if (toApps(await readApps(appInfo)).default?.appid !== appid) return;
  throw new AdministrationFailure(
    'default_needed',
    `${toPlainText(appid)} is the default app. Say which one is to be it instead. Nothing was changed.`,
  );
}

/**
 * Whether the app is there. The primary key compares by a collation, so that there can be one which differs only in case.
 * @throws {AdministrationFailure} app_differs in that case
 */
async function findApp(appInfo: AppInfo, appid: string): Promise<boolean> {
  const found = (await appInfo.findOne({ attributes: ['appid'], where: { appid }, raw: true })) as unknown as Pick<
    AppInfoRow,
    'appid'
  > | null;
  if (found === null) return false;
  if (found.appid === appid) return true;
  throw new AdministrationFailure(
    'app_differs',
    `There is an app ${toPlainText(found.appid)}, which for the database is the same name. Use that spelling, or remove it first.`,
  );
}
