import type { Transaction } from 'sequelize';
import {
  previousSecretPlace,
  sealedVersion,
  secretPlace,
  UnreadableValueError,
  type ColumnCipher,
  type Place,
} from '../../keys/column-cipher.ts';
import type { AppInfo, AppInfoRow } from '../../store/models.ts';

export interface ConvertedApps {
  /** Apps of which a secret was written anew. */
  readonly changed: readonly string[];
  readonly unreadable: readonly string[];
}

/** Writes every app's secrets as the cipher would write them now. They are few: locked together, until the transaction ends. */
export async function convertApps(
  appInfo: AppInfo,
  cipher: ColumnCipher,
  transaction: Transaction,
): Promise<ConvertedApps> {
  const rows = (await appInfo.findAll({
    attributes: ['appid', 'secret', 'previous_secret'],
    order: [['appid', 'ASC']],
    raw: true,
    lock: transaction.LOCK.UPDATE,
    transaction,
  })) as unknown as Pick<AppInfoRow, 'appid' | 'secret' | 'previous_secret'>[];
  const changed: string[] = [];
  const unreadable: string[] = [];
  for (const { appid, secret, previous_secret } of rows) {
    try {
      const columns = {
        ...converted(cipher, 'secret', secretPlace(appid), secret),
        ...converted(cipher, 'previous_secret', previousSecretPlace(appid), previous_secret),
      };
      if (Object.keys(columns).length === 0) continue;
      await appInfo.update(columns, { where: { appid }, transaction });
      changed.push(appid);
    } catch (error) {
      if (!(error instanceof UnreadableValueError)) throw error;
      unreadable.push(appid);
    }
  }
  return { changed, unreadable };
}

function converted(
  cipher: ColumnCipher,
  name: 'secret' | 'previous_secret',
  place: Place,
  stored: string | null,
): Partial<AppInfoRow> {
  if (!stored) return {};
  // What bears the right version is opened too: another key may bear it.
  const secret = cipher.open(place, stored);
  return sealedVersion(stored) === cipher.keys.writes ? {} : { [name]: cipher.seal(place, secret) };
}
