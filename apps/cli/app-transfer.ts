import { z } from 'zod';
import { AdministrationFailure, UnfitRequest } from '../../shared/administration/failure.ts';
import { tryForgetEverywhere, type Forgotten } from '../../shared/administration/forget-everywhere.ts';
import { kindNames, usualKind } from '../../shared/administration/app-kind.ts';
import { checkAppid, checkSecret, settingColumns } from '../../shared/administration/set-app.ts';
import type { OpenDatabase, UseRedis } from '../../shared/administration/stores.ts';
import { writeApp } from '../../shared/administration/write-app.ts';
import { toPlainText } from '../../shared/log/plain-text.ts';
import {
  sealedVersion,
  secretPlace,
  UnreadableValueError,
  type ColumnCipher,
} from '../../shared/keys/column-cipher.ts';
import { toApps } from '../../shared/session/app-settings.ts';
import { publicColumns, readApps } from '../../shared/store/app-reader.ts';
import { recordAudit, type Actor } from '../../shared/store/audit.ts';
import type { AppInfoRow } from '../../shared/store/models.ts';

const format = 'wafer-apps-1';
const whole = (minimum: number) => z.number().int().min(minimum);

/** One app as it is carried to another installation. */
const appSchema = z.strictObject({
  appid: z.string(),
  isDefault: z.boolean(),
  kind: z.string().refine((kind) => kindNames.includes(kind), 'is no kind of app'),
  componentAppid: z.string().nullable(),
  loginDurationDays: whole(1).nullable(),
  sessionDurationSeconds: whole(1).nullable(),
  policy: z.enum(['single', 'multi']),
  maxSessions: whole(1),
  graceSeconds: whole(0),
  watermarkMaxAgeSeconds: whole(1).nullable(),
  phoneData: z.boolean(),
  allowSign: z.boolean(),
  undecrypted: z.enum(['refuse', 'without-profile']),
  keepDevice: z.boolean(),
  keepClientIp: z.boolean(),
  perDevice: z.boolean(),
  /** Encrypted, with the version of its key; null: it is not in here. */
  secret: z
    .string()
    .refine((text) => sealedVersion(text) !== undefined, 'is not encrypted')
    .nullable(),
});
const fileSchema = z.strictObject({ format: z.literal(format), apps: z.array(appSchema) });

type CarriedApps = z.infer<typeof fileSchema>;
type CarriedApp = CarriedApps['apps'][number];

/**
 * All apps with their settings. A secret is in it only as a key of WAFER_KEYS has encrypted it; without a key there is none.
 * @throws {AdministrationFailure} if a secret can't be read
 */
export async function exportApps(
  { sequelize, appInfo }: OpenDatabase,
  cipher: ColumnCipher,
  actor: Actor,
): Promise<CarriedApps> {
  const rows = (await appInfo.findAll({
    attributes: [...publicColumns, 'secret'],
    order: [['appid', 'ASC']],
    raw: true,
  })) as unknown as AppInfoRow[];
  const defaultAppid = toApps(await readApps(appInfo)).default?.appid;
  const apps = rows.map((row): CarriedApp => ({
    appid: row.appid,
    isDefault: row.appid === defaultAppid,
    kind: row.kind,
    componentAppid: row.component_appid,
    loginDurationDays: row.login_duration,
    sessionDurationSeconds: row.session_duration,
    policy: row.session_policy === 'multi' ? 'multi' : 'single',
    maxSessions: Math.max(row.max_sessions, 1),
    graceSeconds: row.grace_seconds,
    watermarkMaxAgeSeconds: row.watermark_max_age_seconds,
    phoneData: row.phone_data !== 0,
    allowSign: row.allow_sign !== 0,
    undecrypted: row.undecrypted === 'without-profile' ? 'without-profile' : 'refuse',
    keepDevice: row.keep_device !== 0,
    keepClientIp: row.keep_client_ip !== 0,
    perDevice: row.per_device !== 0,
    secret: toCarriedSecret(cipher, row),
  }));
  await recordAudit(sequelize, { actor, action: 'app export', details: { apps: apps.length } });
  return { format, apps };
}

function toCarriedSecret(cipher: ColumnCipher, { appid, secret }: AppInfoRow): string | null {
  if (!secret || cipher.keys.writes === undefined) return null;
  return cipher.seal(secretPlace(appid), open(cipher, appid, secret));
}

/** @throws {AdministrationFailure} key_missing, ciphertext_invalid */
function open(cipher: ColumnCipher, appid: string, stored: string): string {
  try {
    return cipher.open(secretPlace(appid), stored);
  } catch (error) {
    if (!(error instanceof UnreadableValueError)) throw error;
    throw new AdministrationFailure(
      error.fault,
      `The secret of ${toPlainText(appid)} can't be read: ${error.message}. Set WAFER_KEYS as where it was written. Nothing was changed.`,
    );
  }
}

/** What an import does to an app. */
type Import = { readonly appid: string; readonly what: 'added' | 'changed'; readonly hasSecret: boolean };

export interface ImportedApps {
  readonly apps: readonly Import[];
  readonly defaultAppid: string | undefined;
  /** undefined after a dry run. */
  readonly forgotten: Forgotten | undefined;
}

/** @throws {UnfitRequest} that says where the file is wrong */
export function parseCarriedApps(text: string): CarriedApps {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new UnfitRequest('that is no JSON: give what app export has written');
  }
  const parsed = fileSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 5).map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new UnfitRequest(`that is not what app export writes: ${toPlainText(faults.join('; '))}`);
}

/**
 * Adds the apps of a file and changes those that are there; others stay. The default app stays what it is, and is the file's where there was none.
 * Whatever is wrong with one of them is found before the first is written.
 * @throws {AdministrationFailure | UnfitRequest}
 */
export async function importApps(
  database: OpenDatabase,
  { cipher, useRedis, actor }: { readonly cipher: ColumnCipher; readonly useRedis: UseRedis; readonly actor: Actor },
  { apps }: CarriedApps,
  { isDryRun, onProgress }: { readonly isDryRun: boolean; readonly onProgress: (done: number) => void },
): Promise<ImportedApps> {
  const before = await readApps(database.appInfo);
  const known = new Set(before.map(({ appid }) => appid));
  const opened = apps.map((app) => ({ app, secret: openCarried(cipher, app, known.has(app.appid)) }));
  const done = opened.map(({ app: { appid }, secret }) => {
    const what = known.has(appid) ? ('changed' as const) : ('added' as const);
    return { appid, what, hasSecret: secret !== undefined };
  });
  const defaultBefore = toApps(before).default?.appid;
  const defaultAppid = defaultBefore ?? apps.find(({ isDefault }) => isDefault)?.appid;
  if (isDryRun) return { apps: done, defaultAppid, forgotten: undefined };
  // The default first: it is it from the beginning.
  const ordered = opened.toSorted((one, other) => Number(other.app.isDefault) - Number(one.app.isDefault));
  for (const [index, { app, secret }] of ordered.entries()) {
    const change = { appid: app.appid, secret, keepPrevious: false, columns: toColumns(app) };
    await writeApp(database, cipher, change, actor);
    onProgress(index + 1);
  }
  return { apps: done, defaultAppid, forgotten: await tryForgetEverywhere(useRedis) };
}

function openCarried(cipher: ColumnCipher, { appid, kind, secret }: CarriedApp, isKnown: boolean): string | undefined {
  checkAppid(appid);
  if (secret !== null) {
    const text = open(cipher, appid, secret);
    // Of kind wecom it is a list of companies and their secrets.
    return kind === usualKind ? checkSecret(text) : text;
  }
  if (isKnown) return undefined;
  // It has none of its own.
  if (kind === 'component') return '';
  throw new AdministrationFailure(
    'secret_missing',
    `${toPlainText(appid)} is not here, and the file has no secret of it: export it where WAFER_KEYS is set, or add it first: npx wafer app set <appid>. Nothing was changed.`,
  );
}

function toColumns(app: CarriedApp): Partial<AppInfoRow> {
  const { appid: _, isDefault: _isDefault, secret: _secret, kind, componentAppid, ...settings } = app;
  const { loginDurationDays, sessionDurationSeconds, watermarkMaxAgeSeconds, ...rest } = settings;
  return {
    ...settingColumns(rest),
    login_duration: loginDurationDays,
    session_duration: sessionDurationSeconds,
    watermark_max_age_seconds: watermarkMaxAgeSeconds,
    kind,
    component_appid: componentAppid,
  };
}
