import type { Command } from 'commander';
import {
  askForRetention,
  countLeaving,
  requireRetention,
  type LeavingRows,
} from '../../../shared/administration/retention.ts';
import { readSettings } from '../../../shared/administration/settings.ts';
import { withRedis, withStores } from '../../../shared/administration/stores.ts';
import { findActor } from '../actor.ts';
import { addCommand, type CommandContext, type CommandResult } from '../result.ts';
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
      requireRetention(settings);
      if (dryRun === true)
        report(describe(await withStores(env, (stores) => countLeaving(stores, settings, findActor({})))));
      else {
        await withRedis(env, askForRetention);
        report({
          text: 'A worker removes them now, by its own settings. How it went: npx wafer queue show',
          json: { asked: true },
        });
      }
    });
}

function describe(counts: readonly LeavingRows[]): CommandResult {
  const rows = counts.map(({ part, rows: leaving, of, days }) => [part, String(leaving), String(of), `${days} days`]);
  return {
    text: [formatTable([['ROWS', 'WOULD LEAVE', 'OF', 'AFTER'], ...rows]), '', 'Nothing has been changed.'].join('\n'),
    json: { dryRun: true, parts: counts },
  };
}
