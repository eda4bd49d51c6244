import { toPlainText } from '../log/plain-text.ts';
import type { Transaction } from 'sequelize';
import {
  previousSecretPlace,
  sealedVersion,
  secretPlace,
  UnreadableValueError,
  type ColumnCipher,
} from '../keys/column-cipher.ts';
import { announce, revokedEvent } from '../events/outbox.ts';
import { recordAudit, type Actor } from '../store/audit.ts';
import { recordRevocations } from '../store/revocations.ts';
import type { AppInfo, AppInfoRow } from '../store/models.ts';
import { inTransaction } from '../store/in-transaction.ts';
import { defaultOf, lockApps, revokedWith, type StoredApp } from './locked-apps.ts';
import { AdministrationFailure } from './failure.ts';
import type { OpenDatabase } from './stores.ts';

export interface AppChange {
  readonly appid: string;
  /** undefined: it and the one before it stay as they are. Not for a new app. */
  readonly secret: string | undefined;
  /** The secret before stays good as well. */
  readonly keepPrevious: boolean;
  /** Other columns that change. */
  readonly columns: Partial<AppInfoRow>;
}

/** What became of an app, and of the app of requests that name none. */
export interface WrittenApp {
  readonly isAdded: boolean;
  /** undefined: there was none. */
  readonly defaultBefore: string | undefined;
  readonly defaultNow: string;
  /** It was the default without a mark, as the last by appid, and has got the mark so that it stays it. */
  readonly isMarkedNow: boolean;
}

/** Adds an app or changes it, in one transaction with its entry in the audit log. The default app stays the same unless it is told to change. */
export function writeApp(
  { sequelize, appInfo }: OpenDatabase,
  cipher: ColumnCipher,
  { appid, secret, keepPrevious, columns }: AppChange,
  actor: Actor,
): Promise<WrittenApp> {
  return inTransaction(sequelize, async (transaction) => {
    const stored = await lockApps(appInfo, transaction);
    refuseToMix(cipher, stored);
    const before = stored.find((row) => row.appid === appid);
    const defaultBefore = defaultOf(stored);
    const defaultNow = columns.is_default === 1 ? appid : (defaultBefore ?? appid);
    const isSecond = before === undefined && stored.length > 0;
    if (isSecond || columns.is_default === 1) await markDefault(appInfo, defaultNow, transaction);
    const sealed = { ...(secret === undefined ? {} : { secret: cipher.seal(secretPlace(appid), secret) }), ...columns };
    if (before === undefined) {
      // Only these: every other column takes the default that the database has for it.
      const fields = ['appid', ...(Object.keys(sealed) as (keyof AppInfoRow)[])] as const;
      await appInfo.create({ appid, ...sealed }, { fields: [...fields], transaction });
    } else {
      const previous =
        secret === undefined ? {} : { previous_secret: keepPrevious ? sealPrevious(cipher, before) : null };
      await appInfo.update({ ...sealed, ...previous }, { where: { appid }, transaction });
    }
    const isMarkedNow = isSecond && defaultNow === defaultBefore && stored.every((row) => row.is_default === 0);
    const details = {
      created: before === undefined,
      secretChanged: secret !== undefined,
      keepsPrevious: keepPrevious && before !== undefined,
      ...columns,
      ...(isMarkedNow || (defaultBefore !== undefined && defaultBefore !== defaultNow)
        ? { defaultBefore, defaultNow }
        : {}),
    };
    await announce(sequelize, [{ event: 'app.changed', appid, details: { change: 'set' } }], transaction);
    await recordAudit(sequelize, { actor, action: 'app set', target: appid, details }, transaction);
    return { isAdded: before === undefined, defaultBefore, defaultNow, isMarkedNow };
  });
}

/**
 * Removes an app and ends its sessions for good, in one transaction with its entry in the audit log.
 * @param nowUs microseconds since 1970: log-ins from then on count if the app is set again
 * @returns the app of requests that name none, before and now
 * @throws {AdministrationFailure} default_needed if it is that app, and which of several others is to be it is not clear
 */
export function removeApp(
  { sequelize, appInfo }: OpenDatabase,
  appid: string,
  nowUs: number,
  actor: Actor,
): Promise<{ readonly defaultBefore: string | undefined; readonly defaultNow: string | undefined }> {
  return inTransaction(sequelize, async (transaction) => {
    const stored = await lockApps(appInfo, transaction);
    const left = stored.filter((row) => row.appid !== appid);
    const defaultBefore = defaultOf(stored);
    if (defaultBefore === appid && left.length > 1) throw nextDefaultNeeded(appid);
    await appInfo.destroy({ where: { appid }, transaction });
    await recordRevocations(sequelize, revokedWith(appid, defaultBefore), nowUs, transaction);
    const changed = { event: 'app.changed', appid, details: { change: 'removed' } } as const;
    await announce(sequelize, [revokedEvent(appid, nowUs), changed], transaction);
    const details = { sessionsRevokedBeforeUs: nowUs };
    await recordAudit(sequelize, { actor, action: 'app remove', target: appid, details }, transaction);
    return { defaultBefore, defaultNow: defaultOf(left) };
  });
}

/** Of an app that can't go while nobody says which of the others takes its place. */
export function nextDefaultNeeded(appid: string): AdministrationFailure {
  return new AdministrationFailure(
    'default_needed',
    `Requests and rows that name no app are for ${toPlainText(appid)}. Say first which app they shall be for. Nothing was changed.`,
  );
}

/** One app alone can be the default. */
async function markDefault(appInfo: AppInfo, appid: string, transaction: Transaction): Promise<void> {
  await appInfo.update({ is_default: 0 }, { where: {}, transaction });
  await appInfo.update({ is_default: 1 }, { where: { appid }, transaction });
}

/** Where others are encrypted, a secret in plain text is most likely a WAFER_KEYS that was forgotten. */
function refuseToMix({ keys }: ColumnCipher, stored: readonly StoredApp[]): void {
  if (keys.keys.size > 0 || stored.every(({ secret }) => sealedVersion(secret ?? '') === undefined)) return;
  throw new AdministrationFailure(
    'keys_missing',
    'The secrets in this database are encrypted, and WAFER_KEYS is not set here. Set it as for the workers. Nothing was changed. If the keys are lost, make a new one under a number that was not used before (docs/production.md, "Lost keys").',
  );
}

/** An encrypted value is bound to its column, so it is not just copied. */
function sealPrevious(cipher: ColumnCipher, { appid, secret }: StoredApp): string {
  try {
    return cipher.seal(previousSecretPlace(appid), cipher.open(secretPlace(appid), secret ?? ''));
  } catch (error) {
    if (!(error instanceof UnreadableValueError)) throw error;
    throw new AdministrationFailure(
      error.fault,
      `The secret before can't be kept: ${error.message}. Add that key to WAFER_KEYS, or do not keep it.`,
    );
  }
}
