import { toPlainText } from '../../../shared/log/plain-text.ts';
import { Option, type Command } from 'commander';
import { fromWallClock, nowSeconds, toWallClock } from '../../../shared/session/wall-clock.ts';
import { readAudit, type RecordedEntry } from '../audit.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { withDatabase } from '../stores.ts';
import { formatTable } from '../text.ts';

interface AuditOptions {
  /** UTC+8, as in the database. */
  readonly since?: string;
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
    .addOption(
      new Option('--since <time>', '30m, 24h or 7d ago; or a date or time as in ISO 8601').argParser(parseSince),
    )
    .addOption(new Option('--limit <count>', 'at most so many').argParser(parseLimit).default(defaultLimit))
    .action(async ({ since, limit }: AuditOptions) =>
      report(await withDatabase(env, async ({ sequelize }) => describe(await readAudit(sequelize, { since, limit })))),
    );
}

const secondsOf: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

function parseSince(text: string): string {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return toWallClock(nowSeconds() - Number(count) * (secondsOf[unit] ?? 0));
  const ms = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(ms))
    throw new UsageFailure('--since takes 30m, 24h, 7d, 2026-11-01 or 2026-11-01T08:00Z');
  return toWallClock(Math.floor(ms / 1000));
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= maxLimit) return limit;
  throw new UsageFailure(`--limit takes a whole number from 1 to ${maxLimit}`);
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
    json: {
      entries: entries.map(({ id, at, actor, action, target, details }) => ({
        id,
        at: new Date(fromWallClock(at) * 1000).toISOString(),
        osUser: actor.osUser,
        host: actor.host,
        by: actor.byName ?? null,
        action,
        target: target ?? null,
        details,
      })),
    },
  };
}
