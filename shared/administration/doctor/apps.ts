import { toPlainText } from '../../log/plain-text.ts';
import { BaseError } from 'sequelize';
import { createColumnCipher } from '../../keys/column-cipher.ts';
import type { Config } from '../../config/config.ts';
import { noKeys, type KeyRing } from '../../keys/key-ring.ts';
import { toApps } from '../../session/app-settings.ts';
import { readAppsWithSecrets, type AppWithSecret } from '../../store/app-reader.ts';
import { openDatabase } from '../../store/database.ts';
import { defineAppInfo } from '../../store/models.ts';
import type { UsableSettings } from './configuration.ts';
import { fault, ok, warning, type Finding } from './finding.ts';
import { checkCorps } from './corps.ts';
import { checkAppAtWechat, checkAppOfKind, checkWechat } from './wechat.ts';
import { patienceMs } from '../patience.ts';

/** The apps that are configured, WeChat, and what WeChat thinks of the apps. */
export async function checkApps({
  database,
  wechat,
  wecom,
  keys,
}: Pick<UsableSettings, 'database' | 'wechat' | 'wecom' | 'keys'>): Promise<Finding[]> {
  const [apps, reachable] = await Promise.all([
    database && findApps(database, keys ?? noKeys),
    wechat && checkWechat(wechat),
  ]);
  const notChecked = (why: string) =>
    warning(
      'wechat.app',
      `secrets were not checked: ${why}`,
      'Repair that first, then run this again: npx wafer doctor',
    );
  const before = [...(apps === undefined ? [] : [describeApps(apps)]), ...(reachable === undefined ? [] : [reachable])];
  if (apps === undefined) return [...before, notChecked('the database can not be read')];
  const isReachable = reachable !== undefined && reachable.state !== 'fault';
  const checkApp = async (app: AppWithSecret): Promise<Finding[]> => {
    if (app.kind === 'wecom')
      return wecom === undefined || wechat === undefined ? [] : checkCorps({ ...wechat, ...wecom }, app);
    if (wechat === undefined || !isReachable) return [];
    return [
      app.kind === undefined ? await checkAppAtWechat(wechat, app) : checkAppOfKind(wechat, { ...app, kind: app.kind }),
    ];
  };
  const found = (await Promise.all(apps.map(checkApp))).flat();
  return [...before, ...(isReachable ? [] : [notChecked('WeChat can not be reached')]), ...found];
}

function describeApps(apps: readonly AppWithSecret[]): Finding {
  const chosen = toApps(apps).default;
  if (chosen === undefined)
    return fault('apps', 'no app is configured: every request is answered 1012', 'npx wafer app set <appid>');
  const names = apps.map(({ appid }) => toPlainText(appid)).join(', ');
  const defaultAppid = toPlainText(chosen.appid);
  const found = `${names}${apps.length > 1 ? `; requests that name none go to ${defaultAppid}` : ''}`;
  const marks = apps.filter(({ isMarkedDefault }) => isMarkedDefault).length;
  if (apps.length < 2 || marks === 1) return ok('apps', found);
  return warning(
    'apps',
    marks === 0
      ? `${found} because it is the last by appid: one more app may take its place, and the rows that name none with it`
      : `${found}, the last of ${marks} that are marked as the default`,
    `npx wafer app set ${defaultAppid} --default`,
    'default_unclear',
  );
}

/** @returns undefined if they can't be read, which the checks of the database explain */
async function findApps({ primary }: Config['database'], ring: KeyRing): Promise<AppWithSecret[] | undefined> {
  const sequelize = openDatabase(primary, { poolSize: 1, connectTimeoutMs: patienceMs });
  try {
    return await readAppsWithSecrets(defineAppInfo(sequelize), createColumnCipher(ring));
  } catch (error) {
    if (error instanceof BaseError) return undefined;
    throw error;
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}
