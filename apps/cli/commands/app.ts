import { Option, type Command } from 'commander';
import { listApps, type ListedApp } from '../../../shared/administration/list-apps.ts';
import { checkAppid, prepareApp, removeApp, setApp, type PreparedApp } from '../../../shared/administration/set-app.ts';
import { readCipher } from '../../../shared/administration/settings.ts';
import { withDatabase, withRedis, type OpenDatabase, type UseRedis } from '../../../shared/administration/stores.ts';
import { demoAppVariable } from '../../../shared/config/demo-app-variable.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { addTransferCommands } from './app-transfer.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import {
  appSettingOptions,
  describeApp,
  describeKind,
  otherSettings,
  toSettings,
  type AppSettingOptions,
} from '../app-setting-options.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { readSecret, readSecretIfGiven } from '../secret-input.ts';
import { describeEffect, formatTable } from '../text.ts';

interface SetOptions extends AppSettingOptions, ByOption {
  readonly secret?: unknown;
}

/** `app list | set | export | import | remove`: the mini programs that this server serves, in cAppinfo. */
export function addAppCommands(program: Command, context: CommandContext): void {
  const { env, report } = context;
  const app = program.command('app').description('the mini programs that may log in');

  addCommand(app, 'list', 'lists the apps, without their secrets', [
    'npx wafer app list',
    'npx wafer app list --json',
  ]).action(async () =>
    report(await withDatabase(env, async ({ appInfo }) => describeApps(await listApps(appInfo, readCipher(env))))),
  );

  const setCommand = addCommand(
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
  for (const option of [...appSettingOptions, createByOption()]) setCommand.addOption(option);
  setCommand.action(async (appid: string, options: SetOptions, command: Command) => {
    if (command.args.length > 1 || options.secret !== undefined) {
      throw new UsageFailure(
        'the secret is not taken from the command line, where other users and the history of the shell can see it. ' +
          'Leave it out to be asked for it, or pass it on standard input. Was a real one given? Then reset it at mp.weixin.qq.com.',
      );
    }
    checkAppid(appid);
    report(await withDatabase(env, (database) => set(context, database, appid, options)));
  });

  addTransferCommands(app, context);

  addCommand(app, 'remove', 'removes an app and ends its sessions for good; their rows stay in the database', [
    'npx wafer app remove wx0123456789abcdef',
  ])
    .argument('<appid>')
    .addOption(createByOption())
    .action(async (appid: string, options: ByOption) =>
      report(await withDatabase(env, (database) => remove(env, database, appid, options))),
    );
}

async function set(
  { env, streams }: CommandContext,
  database: OpenDatabase,
  appid: string,
  { by, ...options }: SetOptions,
): Promise<CommandResult> {
  const cipher = readCipher(env);
  // Before the secret is asked for: nobody should type it for nothing.
  const prepared = await prepareApp(database, cipher, appid, toSettings(options));
  const given = await readSecretFor(streams, prepared);
  const done = await setApp(
    database,
    { cipher, useRedis: toUseRedis(env), actor: findActor(by === undefined ? {} : { by }) },
    prepared,
    given,
  );
  const { app, isAdded, defaultBefore, defaultNow, isMarkedNow, isDefault, isSecretChanged, forgotten } = done;
  const warnings = [
    ...(done.isKindChanged
      ? [
          `${appid} is of kind ${done.kind} now, where users have other names; sessions of before go on until: npx wafer session revoke --appid ${appid}`,
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
      `${isAdded ? 'Added' : 'Changed'} ${appid}: ${describeApp(app)}${isSecretChanged ? '' : ' Its secret stays as it was.'}`,
      ...changes,
      describeEffect(forgotten),
      ...warnings.map((warning) => `Warning: ${warning}`),
    ].join('\n'),
    json: {
      ...app,
      created: isAdded,
      secretChanged: isSecretChanged,
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
  { appid, change: { wants }, maySecretStay }: PreparedApp,
): Promise<string | undefined> {
  if (wants === 'none') return Promise.resolve(undefined);
  if (wants !== 'ask') return readSecret(streams, `Secret of ${wants.corpid} for ${appid} (not shown): `);
  return maySecretStay ? readSecretIfGiven(streams) : readSecret(streams, `Secret of ${appid} (not shown): `);
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
  const done = await removeApp(database, toUseRedis(env), appid, findActor(options));
  const { defaultBefore, defaultNow, left, forgotten } = done;
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

/** Opened when the database has changed: that Redis is away stops no change. */
function toUseRedis(env: NodeJS.ProcessEnv): UseRedis {
  return (work) => withRedis(env, work);
}

function describeApps(apps: readonly ListedApp[]): CommandResult {
  const rows = apps.map((app) => [
    toPlainText(app.appid),
    app.isDefault ? 'yes' : '',
    describeSecret(app),
    `${app.loginDurationDays} days`,
    `${app.sessionDurationSeconds} s`,
    app.maxSessions === 1 ? 'single' : `up to ${app.maxSessions}`,
    `${app.graceSeconds} s`,
    describeKind(app),
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
    json: { apps },
  };
}

function describeSecret({ kind, hasSecret, hasPreviousSecret, secretFault }: ListedApp): string {
  if (secretFault !== undefined) return secretFault === 'key_missing' ? 'encrypted, no key here' : 'UNREADABLE';
  if (kind === 'component') return 'none needed';
  if (!hasSecret) return 'MISSING';
  return hasPreviousSecret ? 'set, and the previous' : 'set';
}
