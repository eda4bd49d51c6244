import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { openRetentionQueue, runOptions } from '../../../shared/retention/queue.ts';
import { isRetentionOn, type RetentionPart, type RetentionSettings } from '../../../shared/retention/settings.ts';
import { createRetentionTables, type RetentionTable } from '../../../shared/retention/tables.ts';
import { createVisitLog } from '../../../shared/session/visit-log.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import { findActor } from '../actor.ts';
import { addCommand, CommandFailure, type CommandContext, type CommandResult } from '../result.ts';
import { readSettings, withDatabase, withRedis } from '../stores.ts';
import { formatTable } from '../text.ts';

/** `retention run`: has rows leave that are over for so long, or says how many would. */
export function addRetentionCommands(program: Command, { env, report }: CommandContext): void {
  const retention = program.command('retention').description('rows that leave MySQL when they are over for so long');
  addCommand(retention, 'run', 'has a worker remove them now, or counts them', [
    'npx wafer retention run --dry-run',
    'SESSION_RETENTION_DAYS=90 npx wafer retention run --dry-run',
    'npx wafer retention run',
  ])
    .option('--dry-run', 'only count what would leave; changes nothing')
    .action(async ({ dryRun }: { dryRun?: true }) => {
      const settings = readSettings(env, 'retention').retention;
      if (!isRetentionOn(settings)) {
        throw new CommandFailure(
          'retention_off',
          'Nothing leaves: neither SESSION_RETENTION_DAYS nor AUDIT_RETENTION_DAYS is set.',
        );
      }
      report(dryRun === true ? await count(env, settings) : await ask(env));
    });
}

/** The same for all who ask meanwhile: one run is enough. */
const askedJobId = 'asked';

async function ask(env: NodeJS.ProcessEnv): Promise<CommandResult> {
  await withRedis(env, async ({ commands }) => {
    const queue = await openRetentionQueue(commands);
    await queue.add('run', {}, { ...runOptions, jobId: askedJobId });
  });
  return {
    text: 'A worker removes them now, by its own settings. How it went: npx wafer queue show',
    json: { asked: true },
  };
}

const daysOf = ({
  sessionDays,
  auditDays,
}: RetentionSettings): Readonly<Record<RetentionPart, number | undefined>> => ({
  sessions: sessionDays,
  audit: auditDays,
  dropped: auditDays,
});

async function count(env: NodeJS.ProcessEnv, settings: RetentionSettings): Promise<CommandResult> {
  const days = daysOf(settings);
  const counts = await withRedis(env, ({ commands }) =>
    withDatabase(env, async ({ sequelize, appInfo }) => {
      const visits = createVisitLog(commands);
      const deps = { sequelize, appInfo, visits, actor: findActor({}), nowSeconds: nowSeconds() };
      const found: { part: RetentionPart; rows: number; of: number }[] = [];
      for (const table of createRetentionTables(settings, deps))
        found.push({ part: table.part, ...(await countRows(table)) });
      return found;
    }),
  );
  const rows = counts.map(({ part, rows: leaving, of }) => [part, String(leaving), String(of), `${days[part]} days`]);
  return {
    text: [formatTable([['ROWS', 'WOULD LEAVE', 'OF', 'AFTER'], ...rows]), '', 'Nothing has been changed.'].join('\n'),
    json: { dryRun: true, parts: counts.map((each) => ({ ...each, days: days[each.part] })) },
  };
}

async function countRows(table: RetentionTable): Promise<{ rows: number; of: number }> {
  let after = 0;
  let rows = 0;
  let of = 0;
  for (;;) {
    const startedAt = performance.now();
    const window = await table.findWindow(after);
    if (window === undefined) return { rows, of };
    rows += await table.count(after, window.last);
    of += window.rows;
    after = window.last;
    // Others use the same MySQL.
    await sleep(performance.now() - startedAt);
  }
}
