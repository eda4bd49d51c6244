import { Option, type Command } from 'commander';
import { requireKeyToWrite, requirePlain } from '../../../shared/administration/keys/ask-workers.ts';
import { askWorkers } from '../../../shared/administration/keys/ask-workers.ts';
import {
  convertEverything,
  defaultRowsPerSecond,
  type Converted,
  type ConvertOptions,
} from '../../../shared/administration/keys/convert.ts';
import type { Conversion } from '../../../shared/administration/keys/convert-sessions.ts';
import { describeCounts } from '../../../shared/administration/keys/count-versions.ts';
import { readKeysStatus, type KeysStatus } from '../../../shared/administration/keys/status.ts';
import { describeWrong } from '../../../shared/administration/keys/wrong-keys.ts';
import { readCipher } from '../../../shared/administration/settings.ts';
import { withDatabase, withRedis, type OpenDatabase } from '../../../shared/administration/stores.ts';
import { plural } from '../../../shared/administration/words.ts';
import type { KeyRing } from '../../../shared/keys/key-ring.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { createProgress } from '../progress.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';

type RunOptions = ByOption & Pick<ConvertOptions, 'after' | 'rowsPerSecond'>;

/** `keys status | rotate | plain`: app secrets and session_keys at rest, encrypted with WAFER_KEYS. */
export function addKeysCommands(program: Command, { env, streams, report }: CommandContext): void {
  const keys = program.command('keys').description('app secrets and session_keys at rest (WAFER_KEYS)');

  addCommand(keys, 'status', 'counts values by the version of their key', [
    'npx wafer keys status',
    'npx wafer keys status --json',
  ]).action(async () => {
    const cipher = readCipher(env);
    report(describeStatus(await withDatabase(env, (database) => readKeysStatus(database, cipher))));
  });

  const addRun = (name: 'rotate' | 'plain', summary: string, check: (ring: KeyRing) => void) => {
    const command = addCommand(keys, name, summary, [
      `npx wafer keys ${name}`,
      `npx wafer keys ${name} --rows-per-second 500`,
    ]);
    command
      .addOption(
        new Option('--rows-per-second <count>', 'no faster than that')
          .argParser(wholeNumber(1, 1_000_000))
          .default(defaultRowsPerSecond),
      )
      .addOption(
        new Option('--after <row>', 'pass over sessions up to this primary key')
          .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER))
          .default(0),
      )
      .addOption(createByOption())
      .action(async ({ after, rowsPerSecond, by }: RunOptions) => {
        const cipher = readCipher(env);
        check(cipher.keys);
        const actor = findActor(by === undefined ? {} : { by });
        await withRedis(env, (redis) => askWorkers(redis, cipher.keys));
        const progress = createProgress(streams.stderr);
        const converted = await withDatabase(env, async (database) => {
          const toDo = Math.max((await findLastRow(database)) - after, 1);
          const options: ConvertOptions = {
            after,
            rowsPerSecond,
            actor,
            action: `keys ${name}`,
            onProgress: ({ last, rows, changed }) =>
              progress.tell(`up to row ${last}: ${rows} looked at, ${changed} changed`, (last - after) / toDo),
          };
          return convertEverything(database, cipher, options);
        });
        progress.end();
        report(describeConverted(converted));
      });
  };
  addRun('rotate', 'encrypts everything with the first key of WAFER_KEYS, while workers run', requireKeyToWrite);
  addRun('plain', 'decrypts everything, for the original or a version without keys', requirePlain);
}

const wholeNumber =
  (minimum: number, maximum: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
    throw new UsageFailure(`give a whole number from ${minimum} to ${maximum}`);
  };

function describeStatus(status: KeysStatus): CommandResult {
  const { writes, keys, secrets, sessionKeys, formerKeys, missing, wrong, others } = status;
  const lines = [
    `WAFER_KEYS    ${keys.length === 0 ? 'not set' : `keys ${keys.join(', ')}`}; new values are written ${writes === 'plain' ? 'in plain text' : `with key ${writes}`}`,
    `app secrets   ${describeCounts(secrets)}`,
    `session_keys  ${describeCounts(sessionKeys)}`,
    `former keys   ${describeCounts(formerKeys)}`,
    ...(missing.length > 0
      ? [`WAFER_KEYS lacks ${missing.map((version) => `key ${version}`).join(', ')}: what it encrypted can't be read.`]
      : []),
    ...describeWrong(wrong),
    ...(others > 0 && missing.length === 0
      ? [`To convert the rest: npx wafer keys ${writes === 'plain' ? 'plain' : 'rotate'}`]
      : []),
  ];
  return {
    text: lines.join('\n'),
    json: { writes, keys, secrets, sessionKeys, formerKeys, missing, wrong },
    exitCode: missing.length === 0 && wrong.apps.length === 0 && wrong.rows.length === 0 ? 0 : 1,
  };
}

function describeConverted(converted: Converted): CommandResult {
  const { apps, sessions, secrets, sessionKeys, formerKeys, left } = converted;
  return {
    text: [
      `Converted the secrets of ${plural(apps.changed.length, 'app')} and ${plural(sessions.changed, 'session_key')}.`,
      `app secrets   ${describeCounts(secrets)}`,
      `session_keys  ${describeCounts(sessionKeys)}`,
      `former keys   ${describeCounts(formerKeys)}`,
      ...explainRest(left, apps.unreadable, sessions),
    ].join('\n'),
    json: converted,
    exitCode: left === 0 && sessions.unreadable === 0 && apps.unreadable.length === 0 ? 0 : 1,
  };
}

function explainRest(left: number, apps: readonly string[], { unreadable, unreadableRows }: Conversion): string[] {
  if (unreadable === 0 && apps.length === 0) {
    if (left === 0) return [];
    return [
      `${plural(left, 'value was', 'values were')} written otherwise meanwhile. Give every worker these WAFER_KEYS, then run this again.`,
    ];
  }
  return [
    ...(apps.length > 0 ? [`Can't be read, of apps: ${apps.map(toPlainText).join(', ')}`] : []),
    ...(unreadable > 0
      ? [`Can't be read, of sessions: ${unreadable}, such as the rows ${unreadableRows.join(', ')}`]
      : []),
    'They were encrypted with another key, under a number that WAFER_KEYS lacks or has given to a new key, or were changed. Add that key, then run this again.',
    'If it is lost (docs/production.md, "Lost keys"): npx wafer app set <appid>, for each of those apps; of sessions the next log-in of the user writes a new one.',
  ];
}

async function findLastRow({ sessionInfo }: OpenDatabase): Promise<number> {
  return Number((await sessionInfo.max('id')) ?? 0);
}
