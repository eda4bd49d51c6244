import type { Command } from 'commander';
import { withRedis } from '../../../shared/administration/stores.ts';
import { listNames, plural } from '../../../shared/administration/words.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { clearCache } from '../clear-cache.ts';
import { createProgress } from '../progress.ts';
import { tryRecordAudit } from '../try-record-audit.ts';
import { addCommand, type CommandContext } from '../result.ts';

/** `cache clear`: after rows were changed by hand, or to be sure. */
export function addCacheCommands(program: Command, { env, streams, report }: CommandContext): void {
  const cache = program.command('cache').description('the cached sessions');
  addCommand(cache, 'clear', 'empties the session cache and makes every process forget sessions and app settings', [
    'npx wafer cache clear',
    'npx wafer cache clear --json',
  ])
    .addOption(createByOption())
    .action(async (options: ByOption) => {
      const progress = createProgress(streams.stderr);
      const cleared = await withRedis(env, ({ commands, cacheRedis, clock }) =>
        clearCache(commands, cacheRedis, clock, (count, share) => progress.tell(`${count} entries removed`, share)),
      );
      progress.end();
      const { removed, obeyed, silent } = cleared;
      const entry = { actor: findActor(options), action: 'cache clear', details: { removed } };
      const unrecorded = await tryRecordAudit(env, entry);
      const told = `${plural(removed, 'entry', 'entries')} removed; ${plural(obeyed.length, 'process has', 'processes have')} forgotten what they knew.`;
      const missing = `Did not say so in time: ${listNames(silent)}. Restart them if they hang, then run this again.`;
      report({
        text: [told, ...(silent.length === 0 ? [] : [missing]), ...(unrecorded === undefined ? [] : [unrecorded])].join(
          '\n',
        ),
        json: { ...cleared, isRecorded: unrecorded === undefined },
        exitCode: silent.length === 0 ? 0 : 1,
      });
    });
}
