import { toPlainText } from '../../../shared/log/plain-text.ts';
import type { Command } from 'commander';
import type { Sequelize } from 'sequelize';
import { callerNameShape, createCallerKey, hashCallerKey } from '../../../shared/callers/caller-key.ts';
import { createKnownCallersCopy } from '../../../shared/callers/known-callers-copy.ts';
import { recordAudit, type Actor } from '../../../shared/store/audit.ts';
import { readApps } from '../../../shared/store/app-reader.ts';
import {
  addCaller,
  bindCaller,
  readCallers,
  removeCaller,
  type BindingChange,
  type Caller,
} from '../../../shared/store/caller-store.ts';
import { describePermissions, parsePermissions } from '../caller-permissions.ts';
import type { AppInfo } from '../../../shared/store/models.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { describeEffect, tryForgetEverywhere } from '../forget-everywhere.ts';
import { addCommand, CommandFailure, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { withDatabase, type OpenDatabase } from '../stores.ts';
import { formatTable } from '../text.ts';

type Named = Omit<Caller, 'keyHash'>;

interface AddOptions {
  /** In the order in which they were given. */
  readonly app?: readonly string[];
  readonly may?: readonly string[];
}

interface BindOptions extends AddOptions {
  readonly anyApp?: boolean;
}

const collect = (appid: string, before: readonly string[] = []): readonly string[] => [...new Set([...before, appid])];
const mayHelp = 'what it may call, such as auth,decrypt; default: every interface. token: access tokens too';

/** `caller list | add | bind | revoke`: the back ends that have a key, in cWaferCaller. */
export function addCallerCommands(program: Command, { env, report }: CommandContext): void {
  const caller = program.command('caller').description('the back ends that may call, each with a key of its own');

  addCommand(caller, 'list', 'lists the callers; their keys are not known to anybody', [
    'npx wafer caller list',
    'npx wafer caller list --json',
  ]).action(async () => report(await withDatabase(env, ({ sequelize }) => listCallers(sequelize))));

  addCommand(caller, 'add', 'makes a key for a back end and shows it, this once', [
    'npx wafer caller add shop',
    'npx wafer caller add shop --app wx0123456789abcdef',
    'npx wafer caller add shop --app wx0123456789abcdef --app wxfedcba9876543210 --may auth,decrypt',
    'npx wafer caller add shop --json',
  ])
    .argument('<name>', 'letters, digits, dots, underscores and hyphens; it stands in logs and metrics')
    .option(
      '--app <appid>',
      'requests through it are for this app and no other, whether they name one or not; may be given again: then each has to name one',
      collect,
    )
    .option('--may <names>', mayHelp, parsePermissions)
    .addOption(createByOption())
    .action(async (name: string, { app, may, ...by }: ByOption & AddOptions) => {
      if (!callerNameShape.test(name))
        throw new UsageFailure('the name must be 1 to 64 letters, digits, dots, underscores or hyphens');
      const named = { name, appids: app ?? null, may: may ?? null };
      report(await withDatabase(env, (database) => add(env, database, named, findActor(by))));
    });

  addCommand(caller, 'bind', 'binds the key of a back end to apps, or to none, and to what it may call', [
    'npx wafer caller bind shop --app wx0123456789abcdef',
    'npx wafer caller bind shop --any-app',
    'npx wafer caller bind shop --may auth,decrypt',
  ])
    .argument('<name>')
    .option('--app <appid>', 'requests through its key are for this app and no other; may be given again', collect)
    .option('--any-app', 'requests through its key may be for any app')
    .option('--may <names>', mayHelp, parsePermissions)
    .addOption(createByOption())
    .action(async (name: string, { app, anyApp = false, may, ...by }: ByOption & BindOptions) => {
      if (anyApp && app !== undefined) throw new UsageFailure('give one of --app <appid> and --any-app');
      if (!anyApp && app === undefined && may === undefined)
        throw new UsageFailure('give --app <appid>, --any-app or --may <names>');
      const change = {
        name,
        ...(app === undefined && !anyApp ? {} : { appids: app ?? null }),
        ...(may === undefined ? {} : { may }),
      };
      report(await withDatabase(env, (database) => bind(env, database, change, findActor(by))));
    });

  addCommand(caller, 'revoke', 'makes the key of a back end void', ['npx wafer caller revoke shop'])
    .argument('<name>')
    .addOption(createByOption())
    .action(async (name: string, by: ByOption) =>
      report(await withDatabase(env, ({ sequelize }) => revoke(env, sequelize, name, findActor(by)))),
    );
}

async function listCallers(sequelize: Sequelize): Promise<CommandResult> {
  const callers = (await readCallers(sequelize)).map(({ name, appids, may, createdAt }) => ({
    name,
    ...tellApps(appids),
    may,
    createdAt,
  }));
  return {
    text:
      callers.length === 0
        ? 'There is no caller. Add one: npx wafer caller add <name>'
        : formatTable([
            ['NAME', 'APP', 'MAY', 'SINCE (UTC+8)'],
            ...callers.map(({ name, appids, may, createdAt }) => [
              name,
              toPlainText(appids?.join(', ') ?? 'any'),
              toPlainText(may?.join(',') ?? 'default'),
              createdAt,
            ]),
          ]),
    json: { callers },
  };
}

async function add(
  env: NodeJS.ProcessEnv,
  { sequelize, appInfo }: OpenDatabase,
  { name, appids, may }: Named,
  actor: Actor,
): Promise<CommandResult> {
  await requireApps(appInfo, appids);
  const key = createCallerKey();
  const keyHash = hashCallerKey(key) as string;
  const isNew = await sequelize.transaction(async (transaction) => {
    const isAdded = await addCaller(sequelize, { name, keyHash, appids, may }, transaction);
    const details = { ...tellApps(appids, true), ...(may === null ? {} : { may }) };
    if (isAdded) await recordAudit(sequelize, { actor, action: 'caller add', target: name, details }, transaction);
    return isAdded;
  });
  if (!isNew) {
    throw new CommandFailure(
      'caller_exists',
      `There is a caller ${name} already. To change its key without a gap: add it under another name, give it the new address, then revoke ${name}. To bind its key to another app: npx wafer caller bind ${name} --app <appid>`,
    );
  }
  const forgotten = await tellEverywhere(env, sequelize);
  const path = `/k/${key}/mina_auth/`;
  return {
    text: [
      `Added ${name}, ${describeBinding(appids)}${may === null ? '' : `, ${describePermissions(may)}`}. Its address, which is not shown again:`,
      '',
      `  http://<host>:<port>${path}`,
      '',
      describeEffect(forgotten),
    ].join('\n'),
    json: { name, ...tellApps(appids), may, key, path, forgotten },
  };
}

async function bind(
  env: NodeJS.ProcessEnv,
  { sequelize, appInfo }: OpenDatabase,
  change: BindingChange,
  actor: Actor,
): Promise<CommandResult> {
  const { name } = change;
  await requireApps(appInfo, change.appids ?? null);
  const bound = await sequelize.transaction(async (transaction) => {
    const found = await bindCaller(sequelize, change, transaction);
    if (found === undefined) return undefined;
    const { before, now } = found;
    const appsBefore = tellApps(before.appids, true);
    const details = {
      ...tellApps(now.appids, true),
      before: appsBefore.appid,
      ...('appids' in appsBefore ? { appidsBefore: appsBefore.appids } : {}),
      ...(now.may === null && before.may === null ? {} : { may: now.may, mayBefore: before.may }),
    };
    await recordAudit(sequelize, { actor, action: 'caller bind', target: name, details }, transaction);
    return found;
  });
  if (bound === undefined) throw createUnknown();
  const forgotten = await tellEverywhere(env, sequelize);
  const { before, now } = bound;
  return {
    text: [
      `${name} is now ${describeBinding(now.appids)}; before, it was ${describeBinding(before.appids)}.`,
      ...(change.may === undefined
        ? []
        : [`It is ${describePermissions(now.may)}; before, ${describePermissions(before.may)}.`]),
      describeEffect(forgotten),
    ].join('\n'),
    json: {
      name,
      ...tellApps(now.appids),
      may: now.may,
      before: tellApps(before.appids).appid,
      beforeAppids: before.appids,
      mayBefore: before.may,
      forgotten,
    },
  };
}

/**
 * `appid` is the one app of a key that is bound to one, and the first of several.
 * @param briefly without the list where that one app says it all
 */
function tellApps(
  appids: Caller['appids'],
  briefly = false,
): { readonly appid: string | null; readonly appids?: Caller['appids'] } {
  const appid = appids?.[0] ?? null;
  return briefly && (appids?.length ?? 0) < 2 ? { appid } : { appid, appids };
}

/** @throws {CommandFailure} app_unknown: a key for an app that is misspelled would be good for nothing */
async function requireApps(appInfo: AppInfo, appids: Caller['appids']): Promise<void> {
  if (appids === null) return;
  const known = new Set((await readApps(appInfo)).map(({ appid }) => appid));
  const unknown = appids.find((appid) => !known.has(appid));
  if (unknown !== undefined)
    throw new CommandFailure('app_unknown', `There is no app ${toPlainText(unknown)}. See: npx wafer app list`);
}

function describeBinding(appids: Caller['appids']): string {
  return appids === null ? 'for every app' : `for ${appids.map(toPlainText).join(', ')} alone`;
}

function createUnknown(): CommandFailure {
  return new CommandFailure('caller_unknown', 'There is no such caller. See: npx wafer caller list');
}

async function revoke(
  env: NodeJS.ProcessEnv,
  sequelize: Sequelize,
  name: string,
  actor: Actor,
): Promise<CommandResult> {
  const wasThere = await sequelize.transaction(async (transaction) => {
    const isRemoved = await removeCaller(sequelize, name, transaction);
    if (isRemoved) await recordAudit(sequelize, { actor, action: 'caller revoke', target: name }, transaction);
    return isRemoved;
  });
  if (!wasThere) throw createUnknown();
  const forgotten = await tellEverywhere(env, sequelize);
  return {
    text: [`Revoked ${name}: its key is void.`, describeEffect(forgotten)].join('\n'),
    json: { name, revoked: true, forgotten },
  };
}

/** The copy first: a front end that can't reach MySQL reads it as soon as it is told to forget. */
function tellEverywhere(env: NodeJS.ProcessEnv, sequelize: Sequelize): ReturnType<typeof tryForgetEverywhere> {
  return tryForgetEverywhere(env, async ({ cacheRedis }) =>
    createKnownCallersCopy(cacheRedis).save(await readCallers(sequelize)),
  );
}
