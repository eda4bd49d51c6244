import { Option, type Command } from 'commander';
import { withStores } from '../../../shared/administration/stores.ts';
import { listNames, plural } from '../../../shared/administration/words.ts';
import { logLevels, longestOrderMs, type LogLevel } from '../../../shared/log/level-order.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { changeLogLevel, readLogLevel, type WantedLevel } from '../change-log-level.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';

interface LevelOptions extends ByOption {
  /** Milliseconds. */
  readonly for: number;
  readonly checks?: number;
}

const usual = 'usual';
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const defaultForMs = 300_000;

/** `log-level`: changes how running processes log, for a while. */
export function addLogLevelCommand(program: Command, { env, report }: CommandContext): void {
  addCommand(program, 'log-level', 'changes the log level of every front end and worker, which goes back by itself', [
    'npx wafer log-level debug --for 5m',
    'npx wafer log-level info --checks 1/1000 --for 10m',
    'npx wafer log-level usual',
    'npx wafer log-level',
  ])
    .argument(
      '[level]',
      `${logLevels.join(', ')}; ${usual}: as each was started with. Without one: shows it`,
      readLevel,
    )
    .addOption(
      new Option('--for <time>', 'how long, such as 30s, 5m, 1h; an hour at most')
        .argParser(readDuration)
        .default(defaultForMs, '5m'),
    )
    .addOption(new Option('--checks <share>', 'a line for one check of so many, such as 1/1000').argParser(readShare))
    .addOption(createByOption())
    .action(async (level: LogLevel | typeof usual | undefined, { for: forMs, checks, by }: LevelOptions) => {
      if (level === undefined && checks !== undefined) throw new UsageFailure('--checks needs a level, such as info');
      const actor = findActor(by === undefined ? {} : { by });
      report(
        await withStores(env, async (stores) => {
          if (level === undefined) return describeOrder(await readLogLevel(stores));
          const wanted = { level: level === usual ? undefined : level, checksEvery: checks ?? 0, forMs };
          return describeChange(wanted, await changeLogLevel(stores, wanted, actor));
        }),
      );
    });
}

function describeOrder(order: Awaited<ReturnType<typeof readLogLevel>>): CommandResult {
  if (order === undefined) return { text: 'Every process logs as it was started.', json: { level: null } };
  const { level, checksEvery, untilMs } = order;
  const until = new Date(untilMs).toISOString();
  return {
    text: `Until ${until}: ${describeLevel(level, checksEvery)}.`,
    json: { level: level ?? null, checksEvery, until },
  };
}

function describeChange(
  { level, checksEvery }: WantedLevel,
  { obeyed, silent, until }: Awaited<ReturnType<typeof changeLogLevel>>,
): CommandResult {
  const isUsual = level === undefined && checksEvery === 0;
  return {
    text: [
      `${plural(obeyed.length, 'process logs', 'processes log')} ${isUsual ? 'as it was started' : `otherwise until ${until}: ${describeLevel(level, checksEvery)}`}.`,
      ...(silent.length === 0 ? [] : [`Did not confirm it: ${listNames(silent)}`]),
    ].join('\n'),
    json: { level: level ?? null, checksEvery, until: isUsual ? null : until, obeyed, silent },
    exitCode: silent.length === 0 ? 0 : 1,
  };
}

function describeLevel(level: LogLevel | undefined, checksEvery: number): string {
  const checks = checksEvery === 0 ? '' : `, and one check of ${checksEvery} has a line`;
  return `${level ?? 'the usual level'}${checks}`;
}

function readLevel(text: string): LogLevel | typeof usual {
  if (text === usual || (logLevels as readonly string[]).includes(text)) return text as LogLevel | typeof usual;
  throw new UsageFailure(`there is no log level ${text}: give one of ${logLevels.join(', ')}, or ${usual}`);
}

function readDuration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,5})([smh])$/.exec(text) ?? [];
  const ms = Number(count) * (unitMs[unit] ?? Number.NaN);
  if (ms > 0 && ms <= longestOrderMs) return ms;
  throw new UsageFailure('--for takes 30s, 5m or 1h, and an hour at most');
}

function readShare(text: string): number {
  const every = Number(/^1\/([1-9]\d{0,8})$/.exec(text)?.[1]);
  if (every > 0) return every;
  throw new UsageFailure('--checks takes 1/1000, or another number behind the stroke');
}
