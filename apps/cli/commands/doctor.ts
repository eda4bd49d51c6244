import { toPlainText } from '../../../shared/log/plain-text.ts';
import type { Command } from 'commander';
import { checkApps } from '../doctor/apps.ts';
import { checkCallerApps } from '../doctor/caller-apps.ts';
import { checkConfiguration } from '../doctor/configuration.ts';
import { checkDatabase } from '../doctor/database.ts';
import { examine, warning, type Finding } from '../doctor/finding.ts';
import { checkKeys } from '../doctor/keys.ts';
import { checkQuotas } from '../doctor/quotas.ts';
import { checkProcesses } from '../doctor/processes.ts';
import { checkRedis } from '../doctor/redis.ts';
import { checkRetention } from '../doctor/retention.ts';
import type { RetentionSettings } from '../../../shared/retention/settings.ts';
import { addCommand, CommandFailure, type CommandContext, type CommandResult } from '../result.ts';
import { withRedis } from '../stores.ts';
import { plural } from '../text.ts';

/** `doctor`: looks at everything that the server needs and says what to do. Changes nothing. */
export function addDoctorCommand(program: Command, { env, report }: CommandContext): void {
  addCommand(program, 'doctor', 'checks configuration, Redis, database, WeChat and processes; says what to do', [
    'npx wafer doctor',
    'npx wafer doctor --json',
    'npx wafer doctor --wechat',
  ])
    .option('--wechat', 'asks WeChat too what is left of the quotas of each app today')
    .action(async ({ wechat = false }: { readonly wechat?: boolean }) => {
      const [findings, quotas] = await Promise.all([
        findAll(env),
        wechat ? examine('wechat.quota', () => checkQuotas(env)) : [],
      ]);
      report(describe([...findings, ...quotas]));
    });
}

async function findAll(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { findings, settings } = checkConfiguration(env);
  const { database, redis, wechat, keys, retention, loginQueues, requiresCallerKey } = settings;
  const notChecked = (group: string, variable: string) => [
    warning(
      group,
      `not checked: ${variable} can not be used`,
      `Set ${variable}, then run this again: npx wafer doctor`,
    ),
  ];
  // All at once: together they take as long as the slowest.
  const groups = await Promise.all([
    redis === undefined ? notChecked('redis', 'REDIS_URL') : examine('redis', () => checkRedis(redis)),
    database === undefined
      ? notChecked('database', 'DATABASE_URL')
      : examine('database', () => checkDatabase(database.primary)),
    examine('wechat', () => checkApps(database, wechat, keys)),
    keys === undefined
      ? notChecked('keys', 'WAFER_KEYS')
      : examine('keys', async () => (database === undefined ? [] : checkKeys(database, keys))),
    database === undefined ? [] : examine('callers.apps', () => checkCallerApps(database, requiresCallerKey)),
    redis === undefined ? [] : examine('processes', () => findProcesses(env, loginQueues, retention)),
  ]);
  return [...findings, ...groups.flat()];
}

async function findProcesses(
  env: NodeJS.ProcessEnv,
  loginQueues: number,
  retention: RetentionSettings | undefined,
): Promise<Finding[]> {
  try {
    return await withRedis(env, async (open) => [
      ...(await checkProcesses(open, loginQueues)),
      ...(retention === undefined ? [] : await checkRetention(open, retention)),
    ]);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return [
      warning(
        'processes',
        'not checked: Redis can not be used',
        'Repair Redis first, then run this again: npx wafer doctor',
      ),
    ];
  }
}

const stateWords: Readonly<Record<Finding['state'], string>> = { ok: 'ok     ', warning: 'warning', fault: 'FAULT  ' };

function describe(findings: readonly Finding[]): CommandResult {
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const faults = count('fault');
  const warnings = count('warning');
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ state, check, found, remedy }) => [
    `${stateWords[state]}  ${check.padEnd(width)}  ${toPlainText(found)}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(9)}${' '.repeat(width)}  -> ${toPlainText(remedy)}`]),
  ]);
  return {
    text: [...lines, '', `${plural(faults, 'fault')}, ${plural(warnings, 'warning')}`].join('\n'),
    json: { healthy: faults === 0, faults, warnings, findings },
    exitCode: faults === 0 ? 0 : 1,
  };
}
