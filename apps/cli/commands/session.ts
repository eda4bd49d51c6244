import type { Command } from 'commander';
import { revokeApps, revokeSessions } from '../../../shared/administration/revoke.ts';
import { showSessions } from '../../../shared/administration/session-details.ts';
import { withDatabase, withRedis, withStores, type OpenStores } from '../../../shared/administration/stores.ts';
import { listNames, plural } from '../../../shared/administration/words.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import type { Actor } from '../../../shared/store/audit.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { addListOptions, listSessions, type ListOptions } from '../list-sessions.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { formatSession, reportSession } from '../session-report.ts';

interface Selector {
  readonly id?: string;
  readonly openId?: string;
  readonly appid?: string;
}

/** `session list | show | revoke`: who is logged in, what is known of it, and its end. */
export function addSessionCommands(program: Command, context: CommandContext): void {
  const { env, report } = context;
  const session = program.command('session').description("users' sessions");
  addListOptions(
    addCommand(
      session,
      'list',
      'lists sessions, the latest log-in first, or the latest visit if visits are asked for',
      [
        'npx wafer session list',
        'npx wafer session list --appid wx0123456789abcdef --state live --limit 200',
        'npx wafer session list --logged-in-from 24h --json',
        'npx wafer session list --union-id ocMvos6NjeKLIBqg5Mr9QjxrP1FA',
      ],
    ),
  ).action(async (options: ListOptions) => report(await listSessions(context, options)));
  addSelector(
    addCommand(session, 'show', 'shows sessions with everything but their secrets', [
      'npx wafer session show --id fedcba9876543210fedcba9876543210',
      'npx wafer session show --open-id oGZUI0egBJY1zhBYw2KhdUfwVJJE --json',
    ]),
  ).action(async (selector: Selector) => {
    report(await show(env, selector));
  });
  addOptions(
    addCommand(session, 'revoke', 'ends sessions at once; the users log in again by themselves', [
      'npx wafer session revoke --id fedcba9876543210fedcba9876543210',
      'npx wafer session revoke --open-id oGZUI0egBJY1zhBYw2KhdUfwVJJE --appid wx0123456789abcdef',
      'npx wafer session revoke --appid wx0123456789abcdef',
      'npx wafer session revoke --everything',
    ]),
  )
    .option('--everything', 'every session of every app')
    .addOption(createByOption())
    .action(async ({ everything, by, ...selector }: Selector & ByOption & { everything?: boolean }) => {
      const isOfUsers = selector.id !== undefined || selector.openId !== undefined;
      const ways = [selector.id, selector.openId, everything, isOfUsers ? undefined : selector.appid];
      if (ways.filter((way) => way !== undefined).length !== 1) {
        throw new UsageFailure('give one of --id, --open-id, --appid alone, and --everything');
      }
      const actor = findActor(by === undefined ? {} : { by });
      report(
        await withStores(env, (stores) =>
          isOfUsers ? revokeOfUsers(stores, selector, actor) : revokeOfApps(stores, selector.appid, actor),
        ),
      );
    });
}

function addOptions(command: Command): Command {
  return command
    .option('--id <id>', 'the session with this id, as it goes over the wire')
    .option('--open-id <openId>', 'all sessions of this user')
    .option('--appid <appid>', 'only those of this app');
}

function addSelector(command: Command): Command {
  return addOptions(command).hook('preAction', (_, called) => {
    const { id, openId } = called.opts<Selector>();
    if ((id === undefined) === (openId === undefined)) throw new UsageFailure('give either --id or --open-id');
  });
}

async function show(env: NodeJS.ProcessEnv, selector: Selector): Promise<CommandResult> {
  const details = await withDatabase(
    env,
    (database) => showSessions(database, (work) => withRedis(env, work), selector),
    { mayBeLate: true },
  );
  const reports = details.map(reportSession);
  return { text: reports.map(formatSession).join('\n\n'), json: { sessions: reports } };
}

async function revokeOfUsers(stores: OpenStores, selector: Selector, actor: Actor): Promise<CommandResult> {
  const sessions = await revokeSessions(stores, selector, actor);
  return {
    text: [
      `Revoked ${plural(sessions.length, 'session')}:`,
      ...sessions.map(({ id, openId }) => `  ${toPlainText(id)} of ${toPlainText(openId)}`),
      'It counts now.',
    ].join('\n'),
    json: { revoked: sessions.map(({ row, id, openId, appid }) => ({ row, id, openId, appid })) },
  };
}

async function revokeOfApps(stores: OpenStores, appid: string | undefined, actor: Actor): Promise<CommandResult> {
  const { revokedBeforeUs, silent } = await revokeApps(stores, appid, actor);
  const effect =
    silent.length === 0 ? 'It counts now.' : `It counts within five seconds: ${listNames(silent)} did not confirm it.`;
  return {
    text: [`Revoked every session of ${appid === undefined ? 'every app' : toPlainText(appid)}.`, effect].join('\n'),
    json: { appid: appid ?? null, revokedBeforeUs, silent },
  };
}
