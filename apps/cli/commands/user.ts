import type { Command } from 'commander';
import { erasePerson, exportPerson, toPerson, type ErasedPerson } from '../../../shared/administration/people.ts';
import { withStores } from '../../../shared/administration/stores.ts';
import { plural } from '../../../shared/administration/words.ts';
import type { PersonSelector } from '../../../shared/erasure/person.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { tellWait } from '../progress.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';

interface PersonOptions {
  readonly openId?: string;
  readonly unionId?: string;
  readonly appid?: string;
}

/** `user export | erase`: what is kept of a person, and its end. */
export function addUserCommands(program: Command, { env, streams, report }: CommandContext): void {
  const user = program.command('user').description('everything that is kept of a person');
  addPersonOptions(
    addCommand(user, 'export', 'prints everything that is kept of a person, as JSON', [
      'npx wafer user export --open-id oGZUI0egBJY1zhBYw2KhdUfwVJJE > person.json',
      'npx wafer user export --union-id ocMvos6NjeKLIBqg5Mr9QjxrP1FA --by "request 4711"',
    ]),
  ).action(async ({ by, ...options }: PersonOptions & ByOption) => {
    const person = readPerson(options);
    const actor = findActor(by === undefined ? {} : { by });
    const kept = await tellWait(streams.stderr, 'Looking for what is kept of this person', () =>
      withStores(env, (stores) => exportPerson(stores, person, actor)),
    );
    report({ text: JSON.stringify(kept, undefined, 2), json: kept });
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
    const erased = await tellWait(streams.stderr, 'Erasing what is kept of this person', () =>
      withStores(env, (stores) => erasePerson(stores, person, actor)),
    );
    report(describeErased(erased));
  });
}

function addPersonOptions(command: Command): Command {
  return command
    .option('--open-id <openId>', 'the user with this openId')
    .option('--union-id <unionId>', 'the person with this unionId, in every app')
    .option('--appid <appid>', 'only as a user of this app')
    .addOption(createByOption());
}

function readPerson(options: PersonOptions): PersonSelector {
  // In the words of the command line.
  if (!options.openId === !options.unionId) throw new UsageFailure('give either --open-id or --union-id');
  return toPerson(options);
}

function describeErased({ label, redis, events, obeyed, silent, ...erased }: ErasedPerson): CommandResult {
  const isDone = silent.length === 0;
  return {
    text: [
      `Erased ${plural(erased.sessions, 'session')}, ${plural(erased.dropped, 'row')} that the adoption gave up, and the name in ${plural(erased.audit, 'entry', 'entries')} of the audit log, where it is now ${label}.`,
      `In Redis: ${plural(redis.codes, 'answer')} to codes, ${plural(redis.phoneNumbers, 'phone number')}, ${plural(redis.calls, 'call')}, ${plural(redis.replies, 'reply', 'replies')}. ${plural(events, 'event')} not told any more.`,
      isDone
        ? `Nothing is left (${plural(obeyed.length, 'running process', 'running processes')} confirmed).`
        : `These processes did not confirm that they have forgotten: ${silent.map(toPlainText).join(', ')}. Restart them. Workers try again every 10 s; or call this command again.`,
      'Backups, binary logs and append-only files end by themselves: docs/privacy.md',
    ].join('\n'),
    json: { erased: label, ...erased, redis, events, obeyed, silent },
    exitCode: isDone ? 0 : 1,
  };
}
