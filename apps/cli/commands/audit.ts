import { toPlainText } from '../../../shared/log/plain-text.ts';
import { Option, type Command } from 'commander';
import type { Sequelize } from 'sequelize';
import { readAudit, tellEntry, type RecordedEntry } from '../../../shared/administration/audit.ts';
import { withDatabase } from '../../../shared/administration/stores.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { parseTime, timeHelp } from '../parse-time.ts';
import { formatTable } from '../text.ts';

interface AuditOptions {
  /** Seconds since 1970. */
  readonly since?: number;
  readonly limit: number;
}

const defaultLimit = 50;
const maxLimit = 10_000;

/** `audit`: who changed what by the command line, newest first. */
export function addAuditCommand(program: Command, { env, report }: CommandContext): void {
  addCommand(program, 'audit', 'shows who changed what with these commands, newest first', [
    'npx wafer audit',
    'npx wafer audit --since 7d',
    'npx wafer audit --since 2026-11-01 --limit 1000 --json',
  ])
    .addOption(new Option('--since <time>', timeHelp).argParser(parseTime('--since')))
    .addOption(new Option('--limit <count>', 'at most so many').argParser(parseLimit).default(defaultLimit))
    .action(async ({ since, limit }: AuditOptions) =>
      report(describe(await withDatabase(env, ({ sequelize }) => readAll(sequelize, since, limit)))),
    );
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= maxLimit) return limit;
  throw new UsageFailure(`--limit takes a whole number from 1 to ${maxLimit}`);
}

async function readAll(sequelize: Sequelize, from: number | undefined, limit: number): Promise<RecordedEntry[]> {
  const found: RecordedEntry[] = [];
  let cursor: string | undefined;
  do {
    const page = await readAudit(sequelize, { from }, { limit: limit - found.length, cursor });
    found.push(...page.entries);
    cursor = page.next;
  } while (cursor !== undefined && found.length < limit);
  return found;
}

function describe(entries: readonly RecordedEntry[]): CommandResult {
  const rows = entries.map(({ at, actor, action, target, details }) => [
    at,
    toPlainText(actor.byName === undefined ? actor.osUser : `${actor.byName} (${actor.osUser})`),
    toPlainText(actor.host),
    toPlainText(action),
    toPlainText(target ?? ''),
    toPlainText(Object.keys(details ?? {}).length === 0 ? '' : JSON.stringify(details)),
  ]);
  return {
    text:
      rows.length === 0
        ? 'Nothing is recorded.'
        : formatTable([['TIME (UTC+8)', 'WHO', 'HOST', 'WHAT', 'TO', 'DETAILS'], ...rows]),
    json: { entries: entries.map(tellEntry) },
  };
}
