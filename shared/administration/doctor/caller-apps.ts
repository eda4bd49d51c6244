import { toPlainText } from '../../log/plain-text.ts';
import { BaseError } from 'sequelize';
import type { Config } from '../../config/config.ts';
import { toApps } from '../../session/app-settings.ts';
import { readApps } from '../../store/app-reader.ts';
import { readCallers, type Caller } from '../../store/caller-store.ts';
import { openDatabase } from '../../store/database.ts';
import { defineAppInfo } from '../../store/models.ts';
import { patienceMs } from '../patience.ts';
import { ok, warning, type Finding } from './finding.ts';

const check = 'callers.apps';

/**
 * Whether several apps share a way in that does not tell them apart: SDKs can't name an app, and a request that names none takes a
 * session of each.
 */
export async function checkCallerApps({ primary }: Config['database'], requiresKey: boolean): Promise<Finding[]> {
  const sequelize = openDatabase(primary, { poolSize: 1, connectTimeoutMs: patienceMs });
  try {
    const { byAppid, default: chosen } = toApps(await readApps(defineAppInfo(sequelize)));
    const callers = await readCallers(sequelize);
    const lost = callers.filter(({ appids }) => appids?.some((appid) => !byAppid.has(appid)));
    const ofLost =
      lost.length === 0
        ? []
        : [
            warning(
              check,
              `the key of ${namesOf(lost)} is bound to an app that is not there: its requests are answered 1012`,
              'npx wafer caller bind <name> --app <appid>, or add the app: npx wafer app set <appid>',
              'caller_app_unknown',
            ),
          ];
    if (chosen === undefined || byAppid.size < 2) return ofLost;
    const unbound = callers.filter(({ appids }) => appids === null);
    const doors = [...(requiresKey ? [] : ['without a key']), ...(unbound.length === 0 ? [] : [namesOf(unbound)])];
    if (doors.length === 0) return [...ofLost, ok(check, 'every caller is bound to an app')];
    return [
      ...ofLost,
      warning(
        check,
        `${byAppid.size} apps share the way in of ${doors.join(' and of ')}: a request that names no app logs in to ${toPlainText(chosen.appid)} and takes a session of each`,
        `Give each back end a key for its app (npx wafer caller add <name> --app <appid>; one that has a key: caller bind) and set REQUIRE_CALLER_KEY=true.`,
        'apps_share_callers',
      ),
    ];
  } catch (error) {
    // The checks of the database and of its schema say what is wrong.
    if (error instanceof BaseError) return [];
    throw error;
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}

function namesOf(callers: readonly Caller[]): string {
  return callers.map(({ name }) => name).join(', ');
}
