import { Option, type Command } from 'commander';
import { searchSessions, type SessionFilters } from '../../shared/administration/search-sessions.ts';
import type { SessionDetails } from '../../shared/administration/session-details.ts';
import { sessionStates } from '../../shared/administration/session-state.ts';
import { withDatabase, type OpenDatabase } from '../../shared/administration/stores.ts';
import { toPlainText } from '../../shared/log/plain-text.ts';
import { parseTime, timeHelp } from './parse-time.ts';
import { UsageFailure, type CommandContext, type CommandResult } from './result.ts';
import { describeTime } from './session-report.ts';
import { formatTable } from './text.ts';

export interface ListOptions extends SessionFilters {
  readonly limit: number;
  readonly cursor?: string;
}

const defaultLimit = 50;
const maxLimit = 10_000;
/** Of one page; each is a few statements. */
const pageSize = 200;
/** What is rare is looked for no longer than this in one call. */
const patienceMs = 10_000;

/** The options of `session list`. */
export function addListOptions(command: Command): Command {
  const time = (name: string, what: string) =>
    new Option(`--${name} <time>`, `${what}: ${timeHelp}`).argParser(parseTime(`--${name}`));
  return command
    .option('--id <id>', 'with this id, as it goes over the wire')
    .option('--open-id <openId>', 'of this user')
    .option('--union-id <unionId>', 'of this person, in every app')
    .option('--appid <appid>', 'of this app')
    .addOption(new Option('--state <state>', 'in this state').choices(sessionStates))
    .addOption(time('logged-in-from', 'of log-ins since'))
    .addOption(time('logged-in-to', 'of log-ins until'))
    .addOption(time('visited-from', 'whose last visit was since'))
    .addOption(time('visited-to', 'whose last visit was until'))
    .addOption(new Option('--limit <count>', 'at most so many').argParser(parseLimit).default(defaultLimit))
    .option('--cursor <cursor>', 'those behind a list that ended with this');
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= maxLimit) return limit;
  throw new UsageFailure(`--limit takes a whole number from 1 to ${maxLimit}`);
}

/** Sessions that are meant, the latest first. Needs no Redis: visits of the last seconds are not looked at. */
export function listSessions({ env }: CommandContext, options: ListOptions): Promise<CommandResult> {
  return withDatabase(env, async (database) => describe(await collect(database, options)), { mayBeLate: true });
}

interface Collected {
  readonly sessions: readonly SessionDetails[];
  readonly next: string | undefined;
  readonly looked: number;
}

async function collect(database: OpenDatabase, { limit, cursor, ...options }: ListOptions): Promise<Collected> {
  const { id, openId, unionId, appid, state, loggedInFrom, loggedInTo, visitedFrom, visitedTo } = options;
  const filters = { id, openId, unionId, appid, state, loggedInFrom, loggedInTo, visitedFrom, visitedTo };
  const startedAt = performance.now();
  const sessions: SessionDetails[] = [];
  let looked = 0;
  let next = cursor;
  do {
    const size = Math.min(limit - sessions.length, pageSize);
    const page = await searchSessions(database, undefined, filters, { limit: size, cursor: next });
    sessions.push(...page.sessions);
    looked += page.looked;
    next = page.next;
  } while (next !== undefined && sessions.length < limit && performance.now() - startedAt < patienceMs);
  return { sessions, next, looked };
}

function describe({ sessions, next, looked }: Collected): CommandResult {
  const rows = sessions.map(({ session, state }) => [
    String(session.row),
    session.appid === '' ? 'default' : toPlainText(session.appid),
    toPlainText(session.openId),
    toPlainText(session.nickName ?? ''),
    state,
    describeTime(session.createTime).local,
    describeTime(session.lastVisitTime).local,
  ]);
  const heading = ['ROW', 'APP', 'OPEN_ID', 'NICKNAME', 'STATE', 'LOGGED IN', 'LAST VISIT'];
  return {
    text: [
      sessions.length === 0 ? 'No session was found.' : formatTable([heading, ...rows]),
      ...(next === undefined ? [] : ['', `${looked} were looked at. Go on behind them: --cursor ${next}`]),
    ].join('\n'),
    json: {
      sessions: sessions.map(({ session, state, expiresAt, endedAt }) => ({
        row: session.row,
        id: session.id,
        appid: session.appid,
        openId: session.openId,
        unionId: session.unionId ?? null,
        nickName: session.nickName ?? null,
        state,
        createTime: describeTime(session.createTime),
        lastVisitTime: describeTime(session.lastVisitTime),
        expiresAt: expiresAt === undefined ? null : describeTime(expiresAt),
        endedAt: endedAt === undefined ? null : describeTime(endedAt),
      })),
      next: next ?? null,
      looked,
    },
  };
}
