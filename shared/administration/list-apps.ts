import type { ColumnCipher, ValueFault } from '../keys/column-cipher.ts';
import { toApps } from '../session/app-settings.ts';
import { readAppsWithSecrets, type App } from '../store/app-reader.ts';
import { parseCorps } from '../store/corps.ts';
import type { AppInfo } from '../store/models.ts';
import { usualKind } from './app-kind.ts';

/** An app with everything but its secrets. */
export interface ListedApp extends App {
  readonly kind: string;
  readonly hasSecret: boolean;
  readonly hasPreviousSecret: boolean;
  /** Why its secret can't be read. */
  readonly secretFault?: ValueFault;
  /** Requests and rows that name no app are for it. */
  readonly isDefault: boolean;
  /** Of kind wecom: the companies whose people it is for. */
  readonly corps?: readonly string[];
}

export async function listApps(appInfo: AppInfo, cipher: ColumnCipher): Promise<ListedApp[]> {
  const all = await readAppsWithSecrets(appInfo, cipher);
  const defaultAppid = toApps(all).default?.appid;
  return all.map(({ secret, previousSecret, ...app }) => ({
    ...app,
    hasSecret: secret !== '' || app.secretFault !== undefined,
    hasPreviousSecret: previousSecret !== undefined,
    isDefault: app.appid === defaultAppid,
    kind: app.kind ?? usualKind,
    ...(app.kind === 'wecom' ? { corps: parseCorps(secret).map(({ corpid }) => corpid) } : {}),
  }));
}
