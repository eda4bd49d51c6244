import type { Command } from 'commander';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { beginErasure, eraseFromMysql } from '../../../shared/erasure/erase-rows.ts';
import { finishErasures } from '../../../shared/erasure/erase.ts';
import { labelOf } from '../../../shared/erasure/order.ts';
import type { PersonSelector } from '../../../shared/erasure/person.ts';
import type { ErasureStores } from '../../../shared/erasure/stores.ts';
import { createSeal } from '../../../shared/rpc/seal.ts';
import { recordAudit, type Actor } from '../../../shared/store/audit.ts';
import { getSealKey } from '../../../shared/store/seal-key.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { exportPerson } from '../export-person.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { withDatabase, withRedis } from '../stores.ts';
import { plural } from '../text.ts';

interface PersonOptions {
  readonly openId?: string;
  readonly unionId?: string;
  readonly appid?: string;
}

/** `user export | erase`: what is kept of a person, and its end. */
export function addUserCommands(program: Command, { env, report }: CommandContext): void {
  const user = program.command('user').description('everything that is kept of a person');
  addPersonOptions(
    addCommand(user, 'export', 'prints everything that is kept of a person, as JSON', [
      'npx wafer user export --open-id oGZUI0egBJY1zhBYw2KhdUfwVJJE > person.json',
      'npx wafer user export --union-id ocMvos6NjeKLIBqg5Mr9QjxrP1FA --by "request 4711"',
    ]),
  ).action(async ({ by, ...options }: PersonOptions & ByOption) => {
    const person = readPerson(options);
    const actor = findActor(by === undefined ? {} : { by });
    report(await withStores(env, (stores) => showPerson(stores, person, actor)));
  });
  addPersonOptions(
    addCommand(user, 'erase', 'erases everything that is kept of a person, everywhere; there is no way back', [
      'npx wafer user erase --open-id oGZUI0egBJY1zhBYw2KhdUfwVJJE',
      'npx wafer user erase --open-id oGZUI0egBJY1zhBYw2KhdUfwVJJE --appid wx0123456789abcdef',
      'npx wafer user erase --union-id ocMvos6NjeKLIBqg5Mr9QjxrP1FA --by "request 4711"',
    ]),
  ).action(async ({ by, ...options }: PersonOptions & ByOption) => {
    const person = readPerson(options);
    const actor = findActor(by === undefined ? {} : { by });
    report(await withStores(env, (stores) => erasePerson(stores, person, actor)));
  });
}

function addPersonOptions(command: Command): Command {
  return command
    .option('--open-id <openId>', 'the user with this openId')
    .option('--union-id <unionId>', 'the person with this unionId, in every app')
    .option('--appid <appid>', 'only as a user of this app')
    .addOption(createByOption());
}

function readPerson({ openId, unionId, appid }: PersonOptions): PersonSelector {
  if (openId && unionId === undefined) return { openId, appid };
  if (unionId && openId === undefined) return { unionId, appid };
  throw new UsageFailure('give either --open-id or --union-id');
}

function withStores<Result>(env: NodeJS.ProcessEnv, work: (stores: ErasureStores) => Promise<Result>): Promise<Result> {
  return withDatabase(env, ({ sequelize, appInfo }) =>
    withRedis(env, async (redis) =>
      work({ sequelize, appInfo, ...redis, seal: createSeal(await getSealKey(sequelize)) }),
    ),
  );
}

async function showPerson(stores: ErasureStores, person: PersonSelector, actor: Actor): Promise<CommandResult> {
  const target = `user ${labelOf(stores.seal, person)}`;
  await recordAudit(stores.sequelize, { actor, action: 'user export', target });
  const json = await exportPerson(stores, person);
  return { text: JSON.stringify(json, undefined, 2), json };
}

async function erasePerson(stores: ErasureStores, person: PersonSelector, actor: Actor): Promise<CommandResult> {
  const begun = await beginErasure(stores, { part: 'everything', person, actor, action: 'user erase' });
  const pending = await eraseFromMysql(stores, begun);
  const { told, swept } = await finishErasures(stores, [pending]);
  const { erased } = pending;
  const { label } = pending.erasure;
  const isDone = told.silent.length === 0;
  return {
    text: [
      `Erased ${plural(erased.sessions, 'session')}, ${plural(erased.dropped, 'row')} that the adoption gave up, and the name in ${plural(erased.audit, 'entry', 'entries')} of the audit log, where it is now ${label}.`,
      `In Redis: ${plural(swept.codes, 'answer')} to codes, ${plural(swept.phoneNumbers, 'phone number')}, ${plural(swept.calls, 'call')}, ${plural(swept.replies, 'reply', 'replies')}.`,
      isDone
        ? `Nothing is left (${plural(told.obeyed.length, 'running process', 'running processes')} confirmed).`
        : `These processes did not confirm that they have forgotten: ${told.silent.map(toPlainText).join(', ')}. Restart them. Workers try again every 10 s; or call this command again.`,
      'Backups, binary logs and append-only files end by themselves: docs/privacy.md',
    ].join('\n'),
    json: { erased: label, ...erased, redis: swept, obeyed: told.obeyed, silent: told.silent },
    exitCode: isDone ? 0 : 1,
  };
}
