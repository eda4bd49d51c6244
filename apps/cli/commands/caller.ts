import { toPlainText } from '../../../shared/log/plain-text.ts';
import type { Command } from 'commander';
import {
  addCaller,
  bindCaller,
  listCallers,
  revokeCaller,
  tellApps,
  type CallerStores,
} from '../../../shared/administration/callers.ts';
import { withDatabase, withRedis, type OpenDatabase } from '../../../shared/administration/stores.ts';
import { callerNameShape } from '../../../shared/callers/caller-key.ts';
import type { Actor } from '../../../shared/store/audit.ts';
import type { BindingChange, Caller } from '../../../shared/store/caller-store.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { describePermissions, parsePermissions } from '../caller-permissions.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { describeEffect, formatTable } from '../text.ts';

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
  ]).action(async () => report(await withDatabase(env, listAll)));

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
      report(await withCallers(env, (stores) => add(stores, named, findActor(by))));
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
      report(await withCallers(env, (stores) => bind(stores, change, findActor(by))));
    });

  addCommand(caller, 'revoke', 'makes the key of a back end void', ['npx wafer caller revoke shop'])
    .argument('<name>')
    .addOption(createByOption())
    .action(async (name: string, by: ByOption) =>
      report(await withCallers(env, (stores) => revoke(stores, name, findActor(by)))),
    );
}

async function listAll(database: OpenDatabase): Promise<CommandResult> {
  const callers = (await listCallers(database)).map(({ name, appids, may, createdAt }) => ({
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

async function add(stores: CallerStores, { name, appids, may }: Named, actor: Actor): Promise<CommandResult> {
  const { key, forgotten } = await addCaller(stores, { name, appids, may }, actor);
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

async function bind(stores: CallerStores, change: BindingChange, actor: Actor): Promise<CommandResult> {
  const { name } = change;
  const { before, now, forgotten } = await bindCaller(stores, change, actor);
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

function describeBinding(appids: Caller['appids']): string {
  return appids === null ? 'for every app' : `for ${appids.map(toPlainText).join(', ')} alone`;
}

async function revoke(stores: CallerStores, name: string, actor: Actor): Promise<CommandResult> {
  const forgotten = await revokeCaller(stores, name, actor);
  return {
    text: [`Revoked ${name}: its key is void.`, describeEffect(forgotten)].join('\n'),
    json: { name, revoked: true, forgotten },
  };
}

/** Redis is opened when the database has changed: that it is away stops no change. */
function withCallers(
  env: NodeJS.ProcessEnv,
  work: (stores: CallerStores) => Promise<CommandResult>,
): Promise<CommandResult> {
  return withDatabase(env, (database) => work({ ...database, useRedis: (withOpen) => withRedis(env, withOpen) }));
}
