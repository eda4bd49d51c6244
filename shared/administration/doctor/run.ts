import { AdministrationFailure } from '../failure.ts';
import { withRedis } from '../stores.ts';
import { checkApps } from './apps.ts';
import { checkCallerApps } from './caller-apps.ts';
import { checkConsole } from './console.ts';
import { checkConfiguration, type UsableSettings } from './configuration.ts';
import { checkDatabase } from './database.ts';
import { checkEndpoints } from './endpoints.ts';
import { examine, warning, type Finding } from './finding.ts';
import { checkKeys } from './keys.ts';
import { checkProcesses } from './processes.ts';
import { checkQuotas } from './quotas.ts';
import { checkRedis } from './redis.ts';
import { checkRetention } from './retention.ts';

export interface DoctorOptions {
  /** Asks WeChat too what is left of the quotas of each app today. */
  readonly asksQuotas?: boolean;
  /** Gets findings as they come, those of one group together. */
  readonly onFindings?: (findings: readonly Finding[]) => void;
}

/**
 * Looks at everything that the server needs, on connections of its own, and changes nothing.
 * @param env as the processes have it
 * @returns all findings, in an order of their own
 */
export async function runDoctor(
  env: NodeJS.ProcessEnv,
  { asksQuotas = false, onFindings = () => undefined }: DoctorOptions = {},
): Promise<Finding[]> {
  const { findings, settings } = checkConfiguration(env);
  const { database, redis, keys, requiresCallerKey } = settings;
  const notChecked = (group: string, variable: string) => [
    warning(
      group,
      `not checked: ${variable} can not be used`,
      `Set ${variable}, then run this again: npx wafer doctor`,
    ),
  ];
  const tell = async (group: Promise<Finding[]> | Finding[]): Promise<Finding[]> => {
    const found = await group;
    if (found.length > 0) onFindings(found);
    return found;
  };
  // All at once: together they take as long as the slowest.
  const groups = [
    findings,
    redis === undefined ? notChecked('redis', 'REDIS_URL') : examine('redis', () => checkRedis(redis)),
    database === undefined
      ? notChecked('database', 'DATABASE_URL')
      : examine('database', () => checkDatabase(database.primary)),
    examine('wechat', () => checkApps(settings)),
    keys === undefined
      ? notChecked('keys', 'WAFER_KEYS')
      : examine('keys', async () => (database === undefined ? [] : checkKeys(database, keys))),
    database === undefined ? [] : examine('callers.apps', () => checkCallerApps(database, requiresCallerKey)),
    database === undefined ? [] : examine('events', () => checkEndpoints(database)),
    redis === undefined ? [] : examine('processes', () => findProcesses(env, settings)),
    asksQuotas ? examine('wechat.quota', () => checkQuotas(env)) : [],
  ];
  return (await Promise.all(groups.map(tell))).flat();
}

async function findProcesses(
  env: NodeJS.ProcessEnv,
  { loginQueues, retention, database }: UsableSettings,
): Promise<Finding[]> {
  try {
    return await withRedis(env, async (open) => [
      ...(await checkProcesses(open, loginQueues)),
      ...(await checkConsole(open, database)),
      ...(retention === undefined ? [] : await checkRetention(open, retention)),
    ]);
  } catch (error) {
    if (!(error instanceof AdministrationFailure)) throw error;
    return [
      warning(
        'processes',
        'not checked: Redis can not be used',
        'Repair Redis first, then run this again: npx wafer doctor',
      ),
    ];
  }
}
