import { toPlainText } from '../../../shared/log/plain-text.ts';
import type { Command } from 'commander';
import { ConfigError } from '../../../shared/config/config.ts';
import { toApps, type Apps } from '../../../shared/session/app-settings.ts';
import { revokeApps } from '../revoke-apps.ts';
import { createSessionCache } from '../../../shared/session/session-cache.ts';
import { createVisitLog } from '../../../shared/session/visit-log.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import { readApps } from '../../../shared/store/app-reader.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { addCommand, CommandFailure, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { formatSession, lookIntoRedis, reportSession, type SessionInRedis } from '../session-report.ts';
import { findSessions, type SessionSelector, type StoredSession } from '../sessions.ts';
import { recordAudit, type Actor } from '../../../shared/store/audit.ts';
import { endSessions } from '../../../shared/store/session-ender.ts';
import { withDatabase, withRedis, type OpenDatabase, type OpenRedis } from '../stores.ts';
import { plural } from '../text.ts';

/** `session show | revoke`: what is known of a user's sessions, and their end. */
export function addSessionCommands(program: Command, { env, report }: CommandContext): void {
  const session = program.command('session').description("users' sessions");
  addSelector(
    addCommand(session, 'show', 'shows sessions with everything but their secrets', [
      'npx wafer session show --id fedcba9876543210fedcba9876543210',
      'npx wafer session show --open-id oGZUI0egBJY1zhBYw2KhdUfwVJJE --json',
    ]),
  ).action(async (selector: SessionSelector) => {
    report(await withDatabase(env, (database) => showSessions(env, database, selector), { mayBeLate: true }));
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
    .action(async ({ everything, by, ...selector }: SessionSelector & ByOption & { everything?: boolean }) => {
      const isOfUsers = selector.id !== undefined || selector.openId !== undefined;
      const ways = [selector.id, selector.openId, everything, isOfUsers ? undefined : selector.appid];
      if (ways.filter((way) => way !== undefined).length !== 1) {
        throw new UsageFailure('give one of --id, --open-id, --appid alone, and --everything');
      }
      const actor = findActor(by === undefined ? {} : { by });
      report(
        await withDatabase(env, (database) =>
          withRedis(env, (redis) =>
            isOfUsers
              ? revokeSessions(database, redis, selector, actor)
              : revokeApps(database, redis, selector.appid, actor),
          ),
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
    const { id, openId } = called.opts<SessionSelector>();
    if ((id === undefined) === (openId === undefined)) throw new UsageFailure('give either --id or --open-id');
  });
}

async function showSessions(
  env: NodeJS.ProcessEnv,
  { appInfo, sessionInfo }: OpenDatabase,
  selector: SessionSelector,
): Promise<CommandResult> {
  const apps = toApps(await readApps(appInfo));
  const sessions = await getSessions(sessionInfo, selector, apps);
  const inRedis = await readRedis(env, sessions);
  const reports = sessions.map((session, index) =>
    reportSession(session, inRedis[index] ?? { cached: 'unknown' }, apps, nowSeconds()),
  );
  return { text: reports.map(formatSession).join('\n\n'), json: { sessions: reports } };
}

/** Without Redis the database still has the most of it to tell. */
async function readRedis(env: NodeJS.ProcessEnv, sessions: readonly StoredSession[]): Promise<SessionInRedis[]> {
  try {
    return await withRedis(env, ({ commands, cacheRedis }) => {
      const cache = createSessionCache(cacheRedis);
      const visitLog = createVisitLog(commands);
      return Promise.all(sessions.map((session) => lookIntoRedis(cache, visitLog, session)));
    });
  } catch (error) {
    if (error instanceof CommandFailure || error instanceof ConfigError) return [];
    throw error;
  }
}

/** Ends the sessions that are meant, in MySQL and for every process. @throws {CommandFailure} session_unknown if there is none */
export async function revokeSessions(
  { sequelize, appInfo, sessionInfo }: OpenDatabase,
  redis: OpenRedis,
  selector: SessionSelector,
  actor: Actor,
): Promise<CommandResult> {
  const sessions = await getSessions(sessionInfo, selector, toApps(await readApps(appInfo)));
  const cache = createSessionCache(redis.cacheRedis);
  const ids = [...new Set(sessions.map(({ id }) => id))];
  // Cached entries out of the way before the commit; if Redis is away here nothing is revoked, for they would outlive it.
  const mark = await cache.mark(ids);
  const rows = sessions.map(({ row }) => row);
  const target = selector.id === undefined ? `open_id ${selector.openId ?? ''}` : `id ${selector.id}`;
  const details = { rows, ...(selector.appid === undefined ? {} : { appid: selector.appid }) };
  await sequelize.transaction(async (transaction) => {
    await endSessions(sequelize, rows, 'revoked', transaction);
    await recordAudit(sequelize, { actor, action: 'session revoke', target, details }, transaction);
  });
  // Not after a failure: then the statement may still take effect, and until the mark ends by itself nobody caches the old row.
  await cache.withdraw(ids, mark).catch(() => undefined);
  return {
    text: [
      `Revoked ${plural(sessions.length, 'session')}:`,
      ...sessions.map(({ id, openId }) => `  ${toPlainText(id)} of ${toPlainText(openId)}`),
      'It counts now.',
    ].join('\n'),
    json: { revoked: sessions.map(({ row, id, openId, appid }) => ({ row, id, openId, appid })) },
  };
}

/** @throws {CommandFailure} session_unknown if there is none */
async function getSessions(
  sessionInfo: OpenDatabase['sessionInfo'],
  selector: SessionSelector,
  apps: Apps,
): Promise<StoredSession[]> {
  const sessions = await findSessions(sessionInfo, selector, apps.default?.appid);
  if (sessions.length > 0) return sessions;
  const [option, value] = selector.id === undefined ? ['open_id', selector.openId] : ['id', selector.id];
  const ofApp = selector.appid === undefined ? '' : ` of the app ${toPlainText(selector.appid)}`;
  throw new CommandFailure(
    'session_unknown',
    `There is no session with the ${option} ${toPlainText(value ?? '')}${ofApp}.`,
  );
}
