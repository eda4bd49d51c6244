import type { Transaction } from 'sequelize';
import type { AppInfo, AppInfoRow } from '../store/models.ts';
import type { Revocable } from '../store/revocations.ts';

export type StoredApp = Pick<AppInfoRow, 'appid' | 'secret' | 'previous_secret' | 'is_default'>;

/** As in shared/session/app-settings.ts. */
export function defaultOf(stored: readonly StoredApp[]): string | undefined {
  return (stored.findLast((row) => row.is_default !== 0) ?? stored.at(-1))?.appid;
}

/** All apps, which are few: two changes, or a change and a rotation, go one after the other. */
export async function lockApps(appInfo: AppInfo, transaction: Transaction): Promise<StoredApp[]> {
  return (await appInfo.findAll({
    attributes: ['appid', 'secret', 'previous_secret', 'is_default'],
    order: [['appid', 'ASC']],
    raw: true,
    lock: transaction.LOCK.UPDATE,
    transaction,
  })) as unknown as StoredApp[];
}

/** What ends with an app: the default one's sessions are also those in rows that name no app. */
export function revokedWith(appid: string, defaultAppid: string | undefined): Revocable[] {
  return appid === defaultAppid ? [`app ${appid}`, 'rows without an app'] : [`app ${appid}`];
}
