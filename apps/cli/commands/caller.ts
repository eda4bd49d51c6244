import { toPlainText } from '../../../shared/log/plain-text.ts';
import type { Command } from 'commander';
import type { Sequelize } from 'sequelize';
import { callerNameShape, createCallerKey, hashCallerKey } from '../../../shared/callers/caller-key.ts';
import { createKnownCallersCopy } from '../../../shared/callers/known-callers-copy.ts';
import { recordAudit, type Actor } from '../../../shared/store/audit.ts';
import { readApps } from '../../../shared/store/app-reader.ts';
import { addCaller, bindCaller, readCallers, removeCaller, type Caller } from '../../../shared/store/caller-store.ts';
import type { AppInfo } from '../../../shared/store/models.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { describeEffect, tryForgetEverywhere } from '../forget-everywhere.ts';
import { addCommand, CommandFailure, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { withDatabase, type OpenDatabase } from '../stores.ts';
import { formatTable } from '../text.ts';

type Named = Omit<Caller, 'keyHash'>;

interface BindOptions {
  readonly app?: string;
  readonly anyApp?: boolean;
}

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
    'npx wafer caller add shop --json',
  ])
    .argument('<name>', 'letters, digits, dots, underscores and hyphens; it stands in logs and metrics')
    .option('--app <appid>', 'requests through it are for this app and no other, whether they name one or not')
    .addOption(createByOption())
    .action(async (name: string, { app, ...by }: ByOption & { readonly app?: string }) => {
      if (!callerNameShape.test(name))
        throw new UsageFailure('the name must be 1 to 64 letters, digits, dots, underscores or hyphens');
      report(await withDatabase(env, (database) => add(env, database, { name, appid: app ?? null }, findActor(by))));
    });

  addCommand(caller, 'bind', 'binds the key of a back end to an app, or to none', [
    'npx wafer caller bind shop --app wx0123456789abcdef',
    'npx wafer caller bind shop --any-app',
  ])
    .argument('<name>')
    .option('--app <appid>', 'requests through its key are for this app and no other')
    .option('--any-app', 'requests through its key may be for any app')
    .addOption(createByOption())
    .action(async (name: string, { app, anyApp = false, ...by }: ByOption & BindOptions) => {
      if ((app === undefined) !== anyApp) throw new UsageFailure('give one of --app <appid> and --any-app');
      report(await withDatabase(env, (database) => bind(env, database, { name, appid: app ?? null }, findActor(by))));
    });

  addCommand(caller, 'revoke', 'makes the key of a back end void', ['npx wafer caller revoke shop'])
    .argument('<name>')
    .addOption(createByOption())
    .action(async (name: string, by: ByOption) =>
      report(await withDatabase(env, ({ sequelize }) => revoke(env, sequelize, name, findActor(by)))),
    );
}

async function listCallers(sequelize: Sequelize): Promise<CommandResult> {
  const callers = (await readCallers(sequelize)).map(({ name, appid, createdAt }) => ({ name, appid, createdAt }));
  return {
    text:
      callers.length === 0
        ? 'There is no caller. Add one: npx wafer caller add <name>'
        : formatTable([
            ['NAME', 'APP', 'SINCE (UTC+8)'],
            ...callers.map(({ name, appid, createdAt }) => [name, toPlainText(appid ?? 'any'), createdAt]),
          ]),
    json: { callers },
  };
}

async function add(
  env: NodeJS.ProcessEnv,
  { sequelize, appInfo }: OpenDatabase,
  { name, appid }: Named,
  actor: Actor,
): Promise<CommandResult> {
  await requireApp(appInfo, appid);
  const key = createCallerKey();
  const keyHash = hashCallerKey(key) as string;
  const isNew = await sequelize.transaction(async (transaction) => {
    const isAdded = await addCaller(sequelize, { name, keyHash, appid }, transaction);
    if (isAdded)
      await recordAudit(sequelize, { actor, action: 'caller add', target: name, details: { appid } }, transaction);
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
      `Added ${name}, ${describeBinding(appid)}. Its address, which is not shown again:`,
      '',
      `  http://<host>:<port>${path}`,
      '',
      describeEffect(forgotten),
    ].join('\n'),
    json: { name, appid, key, path, forgotten },
  };
}

async function bind(
  env: NodeJS.ProcessEnv,
  { sequelize, appInfo }: OpenDatabase,
  { name, appid }: Named,
  actor: Actor,
): Promise<CommandResult> {
  await requireApp(appInfo, appid);
  const before = await sequelize.transaction(async (transaction) => {
    const found = await bindCaller(sequelize, { name, appid }, transaction);
    const details = { appid, before: found?.appid };
    if (found !== undefined)
      await recordAudit(sequelize, { actor, action: 'caller bind', target: name, details }, transaction);
    return found;
  });
  if (before === undefined) throw createUnknown();
  const forgotten = await tellEverywhere(env, sequelize);
  return {
    text: [
      `${name} is now ${describeBinding(appid)}; before, it was ${describeBinding(before.appid)}.`,
      describeEffect(forgotten),
    ].join('\n'),
    json: { name, appid, before: before.appid, forgotten },
  };
}

/** @throws {CommandFailure} app_unknown: a key for an app that is misspelled would be good for nothing */
async function requireApp(appInfo: AppInfo, appid: string | null): Promise<void> {
  if (appid === null || (await readApps(appInfo)).some((app) => app.appid === appid)) return;
  throw new CommandFailure('app_unknown', `There is no app ${toPlainText(appid)}. See: npx wafer app list`);
}

function describeBinding(appid: string | null): string {
  return appid === null ? 'for every app' : `for ${toPlainText(appid)} alone`;
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
