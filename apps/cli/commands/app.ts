import { toPlainText } from '../../../shared/log/plain-text.ts';
import { Option, type Command } from 'commander';
import { ConfigError } from '../../../shared/config/config.ts';
import { readApps, readAppsWithSecrets, type App } from '../../../shared/store/app-reader.ts';
import type { AppInfo, AppInfoRow } from '../../../shared/store/models.ts';
import { toApps } from '../../../shared/session/app-settings.ts';
import { demoAppVariable } from '../local-environment.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { appSettingOptions, describeApp, settingColumns, type AppSettingOptions } from '../app-setting-options.ts';
import { changeKind, kindOptions, type KindChange, type KindOptions } from '../app-kind.ts';
import { describeEffect, tryForgetEverywhere } from '../forget-everywhere.ts';
import { listApps } from '../list-apps.ts';
import { addCommand, CommandFailure, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { readSecret, readSecretIfGiven } from '../secret-input.ts';
import { readCipher, withDatabase, withRedis, type OpenDatabase } from '../stores.ts';
import { removeApp, writeApp } from '../write-app.ts';

interface SetOptions extends AppSettingOptions, KindOptions, ByOption {
  readonly secret?: unknown;
  /** The secret before stays good as well. */
  readonly keepPrevious?: boolean;
}

/** `app list | set | remove`: the mini programs that this server serves, in cAppinfo. */
export function addAppCommands(program: Command, context: CommandContext): void {
  const { env, report } = context;
  const app = program.command('app').description('the mini programs that may log in');

  addCommand(app, 'list', 'lists the apps, without their secrets', [
    'npx wafer app list',
    'npx wafer app list --json',
  ]).action(async () => report(await withDatabase(env, ({ appInfo }) => listApps(appInfo, readCipher(env)))));

  const set = addCommand(
    app,
    'set',
    'adds an app or changes it; asks for the secret, or reads it from standard input, unless only options change',
    [
      'npx wafer app set wx0123456789abcdef',
      'npx wafer app set wx0123456789abcdef --json < secret.txt',
      'npx wafer app set wx0123456789abcdef --login-duration 30 --session-duration 2592000',
      'npx wafer app set wx0123456789abcdef --keep-previous',
      'npx wafer app set wx0123456789abcdef --kind component --component wxfedcba9876543210',
      'npx wafer app set wx0123456789abcdef --kind wecom --corp ww0123456789abcdef < secret.txt',
      'npx wafer app set wx0123456789abcdef --default --policy multi --max-sessions 3 --grace 5',
    ],
  )
    .argument('<appid>', 'as the mini program platform shows it: wx and 16 characters')
    .option(
      '--keep-previous',
      'while the secret is being changed: the one before is used where WeChat refuses the new one',
    )
    // Only to refuse it in our own words, which do not repeat it.
    .addOption(new Option('--secret [secret]').hideHelp())
    .allowExcessArguments();
  for (const option of [...appSettingOptions, ...kindOptions, createByOption()]) set.addOption(option);
  set.action(async (appid: string, options: SetOptions, command: Command) => {
    if (command.args.length > 1 || options.secret !== undefined) {
      throw new UsageFailure(
        'the secret is not taken from the command line, where other users and the history of the shell can see it. ' +
          'Leave it out to be asked for it, or pass it on standard input. Was a real one given? Then reset it at mp.weixin.qq.com.',
      );
    }
    checkAppid(appid);
    report(await withDatabase(env, (database) => setApp(context, database, appid, options)));
  });

  addCommand(app, 'remove', 'removes an app and ends its sessions for good; their rows stay in the database', [
    'npx wafer app remove wx0123456789abcdef',
  ])
    .argument('<appid>')
    .addOption(createByOption())
    .action(async (appid: string, options: ByOption) =>
      report(await withDatabase(env, (database) => remove(env, database, appid, options))),
    );
}

async function setApp(
  { env, streams }: CommandContext,
  database: OpenDatabase,
  appid: string,
  { keepPrevious = false, by, ...options }: SetOptions,
): Promise<CommandResult> {
  const { appInfo } = database;
  const cipher = readCipher(env);
  // Before the secret is asked for: nobody should type it for nothing.
  const found = await findApp(appInfo, appid);
  const before = found ? (await readAppsWithSecrets(appInfo, cipher)).find((each) => each.appid === appid) : undefined;
  const change = changeKind(before, options, keepPrevious);
  const columns = { ...settingColumns(options), ...change.columns };
  if (change.wants === 'none' && Object.keys(columns).length === 0 && options.removeCorp === undefined)
    throw new UsageFailure(`give an option: there is nothing to be asked for of an app of kind ${change.kind}`);
  // Whoever changes a setting need not know the secret.
  const mayStay = found && !keepPrevious && !change.isChanged && Object.keys(columns).length > 0;
  const secret = change.secretOf(await readSecretFor(streams, appid, change.wants, mayStay));
  if (options.notDefault === true) await refuseToUnset(appInfo, appid);
  const { isAdded, defaultBefore, defaultNow, isMarkedNow } = await writeApp(
    database,
    cipher,
    { appid, secret, keepPrevious, columns },
    findActor(by === undefined ? {} : { by }),
  );
  const forgotten = await tryForgetEverywhere(env);
  const apps = await readApps(appInfo);
  const isDefault = toApps(apps).default?.appid === appid;
  const app = apps.find((each) => each.appid === appid) as App;
  const warnings = [
    ...(change.isChanged
      ? [
          `${appid} is of kind ${change.kind} now, where users have other names; sessions of before go on until: npx wafer session revoke --appid ${appid}`,
        ]
      : []),
    ...(/^wx[0-9a-z]{16}$/i.test(appid)
      ? []
      : [`${appid} does not look like an appid (wx and 16 characters). Check it.`]),
    ...(env[demoAppVariable] === undefined || env[demoAppVariable] === appid ? [] : [describeNextStart(appid)]),
    ...(isDefault || options.notDefault === true || env[demoAppVariable] === defaultNow
      ? []
      : [
          `Requests and rows that name no app are for ${toPlainText(defaultNow)}, as before, not for ${appid}. To change that: --default. If it is meant: --not-default`,
        ]),
  ];
  const changes = [
    ...(isMarkedNow ? [`Marked ${toPlainText(defaultNow)} as the default app, which it was as the only one.`] : []),
    ...(defaultBefore === undefined || defaultBefore === defaultNow
      ? []
      : [
          `Requests and rows that name no app are for ${toPlainText(defaultNow)} now; before, they were for ${toPlainText(defaultBefore)}.`,
        ]),
  ];
  return {
    text: [
      `${isAdded ? 'Added' : 'Changed'} ${appid}: ${describeApp(app)}${secret === undefined ? ' Its secret stays as it was.' : ''}`,
      ...changes,
      describeEffect(forgotten),
      ...warnings.map((warning) => `Warning: ${warning}`),
    ].join('\n'),
    json: {
      ...app,
      created: isAdded,
      secretChanged: secret !== undefined,
      isDefault,
      defaultBefore: defaultBefore ?? null,
      defaultNow,
      changes,
      warnings,
      forgotten,
    },
  };
}

function readSecretFor(
  streams: CommandContext['streams'],
  appid: string,
  wants: KindChange['wants'],
  mayStay: boolean,
): Promise<string | undefined> {
  if (wants === 'none') return Promise.resolve(undefined);
  if (wants !== 'ask') return readSecret(streams, `Secret of ${wants.corpid} for ${appid} (not shown): `);
  return mayStay ? readSecretIfGiven(streams) : readSecret(streams, `Secret of ${appid} (not shown): `);
}

/** What whoever tries a real app beside `npm start` runs into. */
function describeNextStart(appid: string): string {
  return (
    `npm start runs with its simulated WeChat, which does not know ${appid}: stop it and run it again. Then it uses the real WeChat, where only codes of ` +
    `wx.login() log in. To come back to the simulated one: npx wafer app remove ${appid}, and run npm start again.`
  );
}

async function remove(
  env: NodeJS.ProcessEnv,
  database: OpenDatabase,
  appid: string,
  options: ByOption,
): Promise<CommandResult> {
  const { appInfo } = database;
  if (!(await findApp(appInfo, appid))) {
    throw new CommandFailure('app_unknown', `There is no app ${toPlainText(appid)}. See: npx wafer app list`);
  }
  const { defaultBefore, defaultNow } = await removeApp(database, appid, await readNowUs(env), findActor(options));
  const forgotten = await tryForgetEverywhere(env);
  const left = (await readApps(appInfo)).map((app) => app.appid);
  const warnings = [
    ...(left.length > 0 ? [] : ['No app is left: every request is answered 1012.']),
    ...(defaultNow === undefined || defaultNow === defaultBefore
      ? []
      : [`Requests and rows that name no app are for ${toPlainText(defaultNow)} now, the only one that is left.`]),
  ];
  return {
    text: [
      `Removed ${appid}. Its sessions have ended, however many there were: if it is set again, its users log in again.`,
      describeEffect(forgotten),
      ...warnings.map((warning) => `Warning: ${warning}`),
    ].join('\n'),
    json: { appid, removed: true, left, warnings, forgotten },
  };
}

/** Redis's time, which log-ins have too; this machine's if Redis is away: a removal does not wait for it. */
async function readNowUs(env: NodeJS.ProcessEnv): Promise<number> {
  try {
    return await withRedis(env, async ({ clock }) => Math.floor(clock.nowMs() * 1000));
  } catch (error) {
    if (!(error instanceof CommandFailure || error instanceof ConfigError)) throw error;
    return Date.now() * 1000;
  }
}

/** @throws {CommandFailure} default_needed: somebody has to be it */
async function refuseToUnset(appInfo: AppInfo, appid: string): Promise<void> {
  if (toApps(await readApps(appInfo)).default?.appid !== appid) return;
  throw new CommandFailure(
    'default_needed',
    `${toPlainText(appid)} is the default app. Say which one is to be it instead: npx wafer app set <appid> --default. Nothing was changed.`,
  );
}

/**
 * Whether the app is there. The primary key compares by a collation, so that there can be one which differs only in case.
 * @throws {CommandFailure} app_differs in that case
 */
async function findApp(appInfo: AppInfo, appid: string): Promise<boolean> {
  const found = (await appInfo.findOne({ attributes: ['appid'], where: { appid }, raw: true })) as unknown as Pick<
    AppInfoRow,
    'appid'
  > | null;
  if (found === null) return false;
  if (found.appid === appid) return true;
  throw new CommandFailure(
    'app_differs',
    `There is an app ${toPlainText(found.appid)}, which for the database is the same name. Use that spelling, or remove it first.`,
  );
}

function checkAppid(appid: string): void {
  if (appid.length > 200 || !/^[!-~]+$/.test(appid))
    throw new UsageFailure('the appid must be one word of plain characters');
}
