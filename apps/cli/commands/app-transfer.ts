import type { Command } from 'commander';
import { readCipher } from '../../../shared/administration/settings.ts';
import { withDatabase, withRedis, type UseRedis } from '../../../shared/administration/stores.ts';
import { listNames, plural } from '../../../shared/administration/words.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { exportApps, importApps, parseCarriedApps, type ImportedApps } from '../app-transfer.ts';
import { createProgress } from '../progress.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { describeEffect, formatTable } from '../text.ts';

interface ImportOptions extends ByOption {
  readonly dryRun?: true;
}

/** Hundreds of apps are far less. */
const maxFileLength = 5_000_000;

/** `app export | import`: all apps with their settings, from one installation to another. */
export function addTransferCommands(app: Command, { env, streams, report }: CommandContext): void {
  addCommand(app, 'export', 'prints all apps with their settings, as JSON; secrets only as WAFER_KEYS encrypts them', [
    'npx wafer app export > apps.json',
  ])
    .addOption(createByOption())
    .action(async (options: ByOption) => {
      const actor = findActor(options);
      const carried = await withDatabase(env, (database) => exportApps(database, readCipher(env), actor));
      const without = carried.apps.filter(({ secret, kind }) => secret === null && kind !== 'component');
      // Standard output is the file.
      if (without.length > 0)
        streams.stderr.write(
          `Without secret: ${toPlainText(listNames(without.map(({ appid }) => appid)))}. Secrets are exported encrypted alone, with a key of WAFER_KEYS.\n`,
        );
      report({ text: JSON.stringify(carried, undefined, 2), json: carried });
    });

  addCommand(app, 'import', 'adds and changes apps as a file says that app export has written; others stay', [
    'npx wafer app import --dry-run < apps.json',
    'npx wafer app import < apps.json',
  ])
    .option('--dry-run', 'checks the file and says what would be done; changes nothing')
    .addOption(createByOption())
    .action(async ({ dryRun, by }: ImportOptions) => {
      const carried = parseCarriedApps(await readFile(streams.stdin));
      const progress = createProgress(streams.stderr);
      const useRedis: UseRedis = (work) => withRedis(env, work);
      const deps = { cipher: readCipher(env), useRedis, actor: findActor(by === undefined ? {} : { by }) };
      const onProgress = (done: number) => progress.tell(`${done} apps`, done / carried.apps.length);
      const done = await withDatabase(env, (database) =>
        importApps(database, deps, carried, { isDryRun: dryRun === true, onProgress }),
      );
      progress.end();
      report(describe(done));
    });
}

async function readFile(stdin: CommandContext['streams']['stdin']): Promise<string> {
  if (stdin.isTTY === true) throw new UsageFailure('give the file on standard input: npx wafer app import < apps.json');
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > maxFileLength) throw new UsageFailure('that is too long to be apps');
  }
  return text;
}

function describe({ apps, defaultAppid, forgotten }: ImportedApps): CommandResult {
  const rows = apps.map(({ appid, what, hasSecret }) => [
    toPlainText(appid),
    what,
    hasSecret ? 'from the file' : 'stays as it is',
  ]);
  return {
    text: [
      formatTable([['APPID', forgotten === undefined ? 'WOULD BE' : 'WAS', 'SECRET'], ...rows]),
      `${plural(apps.length, 'app')}. Requests and rows that name no app are for ${toPlainText(defaultAppid ?? 'nobody')}.`,
      forgotten === undefined ? 'Nothing has been changed.' : describeEffect(forgotten),
    ].join('\n'),
    json: { dryRun: forgotten === undefined, apps, defaultAppid: defaultAppid ?? null, forgotten: forgotten ?? null },
  };
}
