import { toPlainText } from '../../shared/log/plain-text.ts';
import type { ColumnCipher, ValueFault } from '../../shared/keys/column-cipher.ts';
import { toApps } from '../../shared/session/app-settings.ts';
import { readAppsWithSecrets } from '../../shared/store/app-reader.ts';
import type { AppInfo } from '../../shared/store/models.ts';
import { usualKind } from '../worker/wechat/kinds/kind.ts';
import { describeKind } from './app-kind.ts';
import { otherSettings } from './app-setting-options.ts';
import type { CommandResult } from './result.ts';
import { formatTable } from './text.ts';

/** The apps, with everything but their secrets. */
export async function listApps(appInfo: AppInfo, cipher: ColumnCipher): Promise<CommandResult> {
  const all = await readAppsWithSecrets(appInfo, cipher);
  const defaultAppid = toApps(all).default?.appid;
  const apps = all.map(({ secret, previousSecret, ...app }) => ({
    ...app,
    hasSecret: secret !== '' || app.secretFault !== undefined,
    hasPreviousSecret: previousSecret !== undefined,
    isDefault: app.appid === defaultAppid,
    kind: app.kind ?? usualKind,
    described: describeKind({ secret, ...app }),
  }));
  const rows = apps.map((app) => [
    toPlainText(app.appid),
    app.isDefault ? 'yes' : '',
    describeSecret(app),
    `${app.loginDurationDays} days`,
    `${app.sessionDurationSeconds} s`,
    app.maxSessions === 1 ? 'single' : `up to ${app.maxSessions}`,
    `${app.graceSeconds} s`,
    app.described,
    otherSettings(app).join('; '),
  ]);
  return {
    text:
      apps.length === 0
        ? 'No app is configured. Add one: npx wafer app set <appid>'
        : formatTable([
            ['APPID', 'DEFAULT', 'SECRET', 'LOG-IN LASTS', 'WITHOUT A VISIT', 'SESSIONS', 'GRACE', 'KIND', 'OTHER'],
            ...rows,
          ]),
    json: { apps: apps.map(({ described: _described, ...app }) => app) },
  };
}

function describeSecret(app: {
  kind: string;
  hasSecret: boolean;
  hasPreviousSecret: boolean;
  secretFault?: ValueFault;
}): string {
  if (app.secretFault !== undefined) return app.secretFault === 'key_missing' ? 'encrypted, no key here' : 'UNREADABLE';
  if (app.kind === 'component') return 'none needed';
  if (!app.hasSecret) return 'MISSING';
  return app.hasPreviousSecret ? 'set, and the previous' : 'set';
}
