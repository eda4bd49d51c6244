import type { Transaction } from 'sequelize';
import {
  previousSecretOf,
  sealedVersion,
  secretOf,
  UnreadableValueError,
  type ColumnCipher,
} from '../../shared/keys/column-cipher.ts';
import { recordAudit, type Actor } from '../../shared/store/audit.ts';
import type { AppInfo, AppInfoRow } from '../../shared/store/models.ts';
import { CommandFailure } from './result.ts';
import type { OpenDatabase } from './stores.ts';

interface AppChange {
  readonly appid: string;
  /** undefined: it and the one before it stay as they are. Not for a new app. */
  readonly secret: string | undefined;
  /** The secret before stays good as well. */
  readonly keepPrevious: boolean;
  /** Other columns that change. */
  readonly columns: Partial<AppInfoRow>;
}

/**
 * Adds an app or changes it, in one transaction with its entry in the audit log.
 * @returns whether it was added
 */
export function writeApp(
  { sequelize, appInfo }: OpenDatabase,
  cipher: ColumnCipher,
  { appid, secret, keepPrevious, columns }: AppChange,
  actor: Actor,
): Promise<boolean> {
  return sequelize.transaction(async (transaction) => {
    const stored = await lockSecrets(appInfo, transaction);
    refuseToMix(cipher, stored);
    const before = stored.find((row) => row.appid === appid);
    // One app alone can be the default.
    if (columns.is_default === 1) await appInfo.update({ is_default: 0 }, { where: {}, transaction });
    const sealed = { ...(secret === undefined ? {} : { secret: cipher.seal(secretOf(appid), secret) }), ...columns };
    if (before === undefined) {
      // Only these: every other column takes the default that the database has for it.
      const fields = ['appid', ...(Object.keys(sealed) as (keyof AppInfoRow)[])] as const;
      await appInfo.create({ appid, ...sealed }, { fields: [...fields], transaction });
    } else {
      const previous =
        secret === undefined ? {} : { previous_secret: keepPrevious ? sealPrevious(cipher, before) : null };
      await appInfo.update({ ...sealed, ...previous }, { where: { appid }, transaction });
    }
    const details = {
      created: before === undefined,
      secretChanged: secret !== undefined,
      keepsPrevious: keepPrevious && before !== undefined,
      ...columns,
    };
    await recordAudit(sequelize, { actor, action: 'app set', target: appid, details }, transaction);
    return before === undefined;
  });
}

/** Removes an app, in one transaction with its entry in the audit log. */
export function removeApp({ sequelize, appInfo }: OpenDatabase, appid: string, actor: Actor): Promise<void> {
  return sequelize.transaction(async (transaction) => {
    await appInfo.destroy({ where: { appid }, transaction });
    await recordAudit(sequelize, { actor, action: 'app remove', target: appid }, transaction);
  });
}

type Secrets = Pick<AppInfoRow, 'appid' | 'secret' | 'previous_secret'>;

/** All apps, which are few: two changes, or a change and a rotation, go one after the other. */
async function lockSecrets(appInfo: AppInfo, transaction: Transaction): Promise<Secrets[]> {
  return (await appInfo.findAll({
    attributes: ['appid', 'secret', 'previous_secret'],
    order: [['appid', 'ASC']],
    raw: true,
    lock: transaction.LOCK.UPDATE,
    transaction,
  })) as unknown as Secrets[];
}

/** Where others are encrypted, a secret in plain is most likely a WAFER_KEYS that was forgotten. */
function refuseToMix({ keys }: ColumnCipher, stored: readonly Secrets[]): void {
  if (keys.keys.size > 0 || stored.every(({ secret }) => sealedVersion(secret ?? '') === undefined)) return;
  throw new CommandFailure(
    'keys_missing',
    'The secrets in this database are encrypted, and WAFER_KEYS is not set here. Set it as for the workers. Nothing was changed.',
  );
}

/** An encrypted value is bound to its column, so it is not just copied. */
function sealPrevious(cipher: ColumnCipher, { appid, secret }: Secrets): string {
  try {
    return cipher.seal(previousSecretOf(appid), cipher.open(secretOf(appid), secret ?? ''));
  } catch (error) {
    if (!(error instanceof UnreadableValueError)) throw error;
    throw new CommandFailure(
      error.fault,
      `The secret before can't be kept: ${error.message}. Add that key to WAFER_KEYS, or leave out --keep-previous.`,
    );
  }
}
