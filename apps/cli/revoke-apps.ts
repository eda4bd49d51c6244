import { toPlainText } from '../../shared/log/plain-text.ts';
import { recordAudit, type Actor } from '../../shared/store/audit.ts';
import { recordRevocations, type Revocable } from '../../shared/store/revocations.ts';
import { forgetEverywhere } from './forget-everywhere.ts';
import { inTransaction } from '../../shared/store/in-transaction.ts';
import { defaultOf, lockApps, revokedWith } from './locked-apps.ts';
import { CommandFailure, type CommandResult } from './result.ts';
import type { OpenDatabase, OpenRedis } from './stores.ts';
import { listNames } from './text.ts';

/**
 * Voids all sessions of an app, or of all, however many there are: by a time that every check compares with. It stays when an app goes and comes back.
 * The original does not know of it; to keep it out as well, stop it.
 * @param appid undefined: every app
 */
export async function revokeApps(
  { sequelize, appInfo }: OpenDatabase,
  redis: OpenRedis,
  appid: string | undefined,
  actor: Actor,
): Promise<CommandResult> {
  const revokedBeforeUs = Math.floor(redis.clock.nowMs() * 1000);
  await inTransaction(sequelize, async (transaction) => {
    const apps = await lockApps(appInfo, transaction);
    if (appid !== undefined && !apps.some((app) => app.appid === appid))
      throw new CommandFailure('app_unknown', `There is no app ${toPlainText(appid)}. See: npx wafer app list`);
    const target = appid === undefined ? 'everything' : `appid ${appid}`;
    const revoked: Revocable[] = appid === undefined ? ['everything'] : revokedWith(appid, defaultOf(apps));
    await recordRevocations(sequelize, revoked, revokedBeforeUs, transaction);
    await recordAudit(sequelize, { actor, action: 'session revoke', target }, transaction);
  });
  const { silent } = await forgetEverywhere(redis);
  const effect =
    silent.length === 0 ? 'It counts now.' : `It counts within five seconds: ${listNames(silent)} did not confirm it.`;
  return {
    text: [`Revoked every session of ${appid === undefined ? 'every app' : toPlainText(appid)}.`, effect].join('\n'),
    json: { appid: appid ?? null, revokedBeforeUs, silent },
  };
}
