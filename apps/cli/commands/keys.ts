import { toPlainText } from '../../../shared/log/plain-text.ts';
import { Option, type Command } from 'commander';
import type { ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { askWorkers } from '../keys/ask-workers.ts';
import { describeWrong, findWrongKeys } from '../keys/wrong-keys.ts';
import { convertEverything, type ConvertOptions } from '../keys/convert.ts';
import {
  countOthers,
  countSecrets,
  countSessionKeys,
  describeCounts,
  missingVersions,
} from '../keys/count-versions.ts';
import { addCommand, CommandFailure, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { readCipher, withDatabase, type OpenDatabase } from '../stores.ts';

type RunOptions = ByOption & Pick<ConvertOptions, 'after' | 'rowsPerSecond'>;

const defaultRowsPerSecond = 2000;

/** `keys status | rotate | plain`: app secrets and session_keys at rest, encrypted with WAFER_KEYS. */
export function addKeysCommands(program: Command, { env, streams, report }: CommandContext): void {
  const keys = program.command('keys').description('app secrets and session_keys at rest (WAFER_KEYS)');

  addCommand(keys, 'status', 'counts values by the version of their key', [
    'npx wafer keys status',
    'npx wafer keys status --json',
  ]).action(async () => {
    const cipher = readCipher(env);
    report(await withDatabase(env, (database) => showStatus(database, cipher)));
  });

  const addRun = (name: 'rotate' | 'plain', summary: string, check: (cipher: ColumnCipher) => void) => {
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
        check(cipher);
        const actor = findActor(by === undefined ? {} : { by });
        await askWorkers(env, cipher.keys);
        // Standard output is for the result.
        const tell = (line: string) => void streams.stderr.write(`${toPlainText(line)}\n`);
        const options = { after, rowsPerSecond, actor, action: `keys ${name}`, tell };
        report(await withDatabase(env, (database) => convertEverything(database, cipher, options)));
      });
  };
  addRun('rotate', 'encrypts everything with the first key of WAFER_KEYS, while workers run', ({ keys: ring }) => {
    if (ring.writes !== undefined) return;
    throw new CommandFailure(
      'keys_missing',
      ring.keys.size === 0
        ? 'WAFER_KEYS is not set: there is no key to encrypt with. Set it as for the workers.'
        : 'WAFER_KEYS begins with "plain": values are written in plain text. For that there is: npx wafer keys plain',
    );
  });
  addRun('plain', 'decrypts everything, for the original or a version without keys', ({ keys: ring }) => {
    if (ring.writes === undefined) return;
    throw new CommandFailure(
      'keys_in_use',
      `Workers with these WAFER_KEYS would go on encrypting. First set WAFER_KEYS=plain,${ring.writes}:… for every worker, and here.`,
    );
  });
}

const wholeNumber =
  (minimum: number, maximum: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
    throw new UsageFailure(`give a whole number from ${minimum} to ${maximum}`);
  };

async function showStatus({ sequelize, appInfo }: OpenDatabase, cipher: ColumnCipher): Promise<CommandResult> {
  const { keys } = cipher;
  const wrong = await findWrongKeys(sequelize, appInfo, cipher);
  const secrets = await countSecrets(sequelize);
  const { sessionKeys, formerKeys } = await countSessionKeys(sequelize);
  const all = [secrets, sessionKeys, formerKeys];
  const versions = [...keys.keys.keys()];
  const missing = [...new Set(all.flatMap((counts) => missingVersions(counts, keys.keys)))];
  const others = all.reduce((sum, counts) => sum + countOthers(counts, keys.writes), 0);
  const next = keys.writes === undefined ? 'plain' : 'rotate';
  const lines = [
    `WAFER_KEYS    ${versions.length === 0 ? 'not set' : `keys ${versions.join(', ')}`}; new values are written ${keys.writes === undefined ? 'in plain text' : `with key ${keys.writes}`}`,
    `app secrets   ${describeCounts(secrets)}`,
    `session_keys  ${describeCounts(sessionKeys)}`,
    `former keys   ${describeCounts(formerKeys)}`,
    ...(missing.length > 0
      ? [
          `WAFER_KEYS lacks ${missing.map((version) => `key ${toPlainText(version)}`).join(', ')}: what it encrypted can't be read.`,
        ]
      : []),
    ...describeWrong(wrong),
    ...(others > 0 && missing.length === 0 ? [`To convert the rest: npx wafer keys ${next}`] : []),
  ];
  return {
    text: lines.join('\n'),
    json: {
      writes: keys.writes ?? 'plain',
      keys: versions,
      secrets,
      sessionKeys,
      formerKeys,
      missing: missing.map(Number),
      wrong,
    },
    exitCode: missing.length === 0 && wrong.apps.length === 0 && wrong.rows.length === 0 ? 0 : 1,
  };
}
