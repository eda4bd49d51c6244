import type { Command } from 'commander';
import type { Sequelize } from 'sequelize';
import { callerNameShape, createCallerKey, hashCallerKey } from '../../../shared/callers/caller-key.ts';
import { createKnownCallersCopy } from '../../../shared/callers/known-callers-copy.ts';
import { recordAudit, type Actor } from '../../../shared/store/audit.ts';
import { addCaller, readCallers, removeCaller } from '../../../shared/store/caller-store.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { describeEffect, tryForgetEverywhere } from '../forget-everywhere.ts';
import { addCommand, CommandFailure, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { withDatabase } from '../stores.ts';
import { formatTable } from '../text.ts';

/** `caller list | add | revoke`: the back ends that have a key, in cWaferCaller. */
export function addCallerCommands(program: Command, { env, report }: CommandContext): void {
  const caller = program.command('caller').description('the back ends that may call, each with a key of its own');

  addCommand(caller, 'list', 'lists the callers; their keys are not known to anybody', [
    'npm run wafer -- caller list',
    'npm run wafer -- caller list --json',
  ]).action(async () => report(await withDatabase(env, ({ sequelize }) => listCallers(sequelize))));

  addCommand(caller, 'add', 'makes a key for a back end and shows it, this once', [
    'npm run wafer -- caller add shop',
    'npm run --silent wafer -- caller add shop --json',
  ])
    .argument('<name>', 'letters, digits, dots, underscores and hyphens; it stands in logs and metrics')
    .addOption(createByOption())
    .action(async (name: string, by: ByOption) => {
      if (!callerNameShape.test(name))
        throw new UsageFailure('the name must be 1 to 64 letters, digits, dots, underscores or hyphens');
      report(await withDatabase(env, ({ sequelize }) => add(env, sequelize, name, findActor(by))));
    });

  addCommand(caller, 'revoke', 'makes the key of a back end void', ['npm run wafer -- caller revoke shop'])
    .argument('<name>')
    .addOption(createByOption())
    .action(async (name: string, by: ByOption) =>
      report(await withDatabase(env, ({ sequelize }) => revoke(env, sequelize, name, findActor(by)))),
    );
}

async function listCallers(sequelize: Sequelize): Promise<CommandResult> {
  const callers = (await readCallers(sequelize)).map(({ name, createdAt }) => ({ name, createdAt }));
  return {
    text:
      callers.length === 0
        ? 'There is no caller. Add one: npm run wafer -- caller add <name>'
        : formatTable([['NAME', 'SINCE (UTC+8)'], ...callers.map(({ name, createdAt }) => [name, createdAt])]),
    json: { callers },
  };
}

async function add(env: NodeJS.ProcessEnv, sequelize: Sequelize, name: string, actor: Actor): Promise<CommandResult> {
  const key = createCallerKey();
  const keyHash = hashCallerKey(key) as string;
  const isNew = await sequelize.transaction(async (transaction) => {
    const isAdded = await addCaller(sequelize, { name, keyHash }, transaction);
    if (isAdded) await recordAudit(sequelize, { actor, action: 'caller add', target: name }, transaction);
    return isAdded;
  });
  if (!isNew) {
    throw new CommandFailure(
      'caller_exists',
      `There is a caller ${name} already. To change its key without a gap: add it under another name, give it the new address, then revoke ${name}.`,
    );
  }
  const forgotten = await tellEverywhere(env, sequelize);
  const path = `/k/${key}/mina_auth/`;
  return {
    text: [
      `Added ${name}. Its address, which is not shown again:`,
      '',
      `  http://<host>:<port>${path}`,
      '',
      describeEffect(forgotten),
    ].join('\n'),
    json: { name, key, path, forgotten },
  };
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
  if (!wasThere)
    throw new CommandFailure('caller_unknown', 'There is no such caller. See: npm run wafer -- caller list');
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
