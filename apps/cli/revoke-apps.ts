import { toPlainText } from '../../shared/log/plain-text.ts';
import { recordAudit, type Actor } from '../../shared/store/audit.ts';
import { forgetEverywhere } from './forget-everywhere.ts';
import { CommandFailure, type CommandResult } from './result.ts';
import type { OpenDatabase, OpenRedis } from './stores.ts';

/**
 * Voids all sessions of an app, or of all, however many there are: by a time in the app's settings that every check compares with.
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
  const count = await sequelize.transaction(async (transaction) => {
    const where = appid === undefined ? {} : { appid };
    const [changed] = await appInfo.update({ revoked_before: revokedBeforeUs }, { where, transaction });
    const target = appid === undefined ? 'everything' : `appid ${appid}`;
    if (changed > 0) await recordAudit(sequelize, { actor, action: 'session revoke', target }, transaction);
    return changed;
  });
  if (count === 0) {
    const which = appid === undefined ? 'There is no app' : `There is no app ${toPlainText(appid)}`;
    throw new CommandFailure('app_unknown', `${which}. See: npx wafer app list`);
  }
  const { silent } = await forgetEverywhere(redis);
  const effect =
    silent.length === 0
      ? 'It counts now.'
      : `It counts within five seconds: ${silent.map(toPlainText).join(', ')} did not confirm it.`;
  return {
    text: [`Revoked every session of ${appid === undefined ? 'every app' : toPlainText(appid)}.`, effect].join('\n'),
    json: { appid: appid ?? null, revokedBeforeUs, silent },
  };
}
