import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import { createNowReader } from '../../../shared/administration/now/now.ts';
import { describeNow } from '../describe-now.ts';
import { readSettings } from '../../../shared/administration/settings.ts';
import { withDatabase, withRedis } from '../../../shared/administration/stores.ts';
import { addCommand, UsageFailure, type CommandContext } from '../result.ts';

const watchEveryMs = 2000;
/** Home, and clear what is below. */
const clearScreen = '\u001b[H\u001b[J';

/** `status`: the page *Now* of the console, in a terminal. */
export function addStatusCommand(program: Command, { env, streams, report }: CommandContext): void {
  addCommand(
    program,
    'status',
    'shows log-ins and checks per app, times, WeChat, queues, processes, stores, and what is wrong',
    ['npx wafer status', 'npx wafer status --watch', 'npx wafer status --json'],
  )
    .option('--watch', 'shows it again every two seconds, until Ctrl-C')
    .action(async (_, command: Command) => {
      // Every command has --json, and so has what they all belong to, which takes it.
      const { watch = false, json = false } = command.optsWithGlobals<{ watch?: boolean; json?: boolean }>();
      if (watch && json)
        throw new UsageFailure('--watch is for people: for programs there is /api/v1/now/stream of the console');
      const { queues: loginQueues } = readSettings(env, 'redis').login;
      await withDatabase(env, ({ sequelize }) =>
        withRedis(env, async (redis) => {
          const reader = createNowReader({ sequelize, ...redis, loginQueues });
          while (watch) {
            streams.stdout.write(`${clearScreen}${describeNow(await reader.read())}\n`);
            await setTimeout(watchEveryMs);
          }
          const now = await reader.read();
          const isWell = now.degraded.every(({ isFault }) => !isFault);
          report({ text: describeNow(now), json: now, exitCode: isWell ? 0 : 1 });
        }),
      );
    });
}
