import type { Command } from 'commander';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { addCommand, CommandFailure, type CommandContext, type CommandResult } from '../result.ts';
import { formatTable } from '../text.ts';
import { recordAudit } from '../../../shared/store/audit.ts';
import { countForced, minSecondsBetweenForced, perDay } from '../forced-tokens.ts';
import { withTokens, type OpenTokens } from '../tokens.ts';

/** `token show | renew`: the access tokens that workers share and hand out. None is ever shown. */
export function addTokenCommands(program: Command, { env, report }: CommandContext): void {
  const token = program.command('token').description('the access tokens of the apps, none of which is ever shown');

  addCommand(token, 'show', 'shows which app has an access token, how long it lives, and by what the log names it', [
    'npx wafer token show',
    'npx wafer token show wx0123456789abcdef --json',
  ])
    .argument('[appid]')
    .action(async (appid: string | undefined) => report(await withTokens(env, (open) => show(open, appid))));

  addCommand(token, 'renew', 'fetches the access token of an app anew, for all processes', [
    'npx wafer token renew wx0123456789abcdef',
    'npx wafer token renew wx0123456789abcdef --force',
  ])
    .argument('<appid>')
    .option(
      '--force',
      `have WeChat make another one (${perDay} a day, ${minSecondsBetweenForced} s apart); twice: the first is void`,
    )
    .addOption(createByOption())
    .action(async (appid: string, { force = false, ...by }: ByOption & { readonly force?: boolean }) =>
      report(await withTokens(env, (open) => renew(open, appid, force, by))),
    );
}

async function show({ apps, tokenOf, tokens: held }: OpenTokens, appid: string | undefined): Promise<CommandResult> {
  const wanted = appid === undefined ? apps : [findApp(apps, appid)];
  const tokens = await Promise.all(
    wanted.map(async (app) => {
      const source = tokenOf(app);
      if (source === undefined) return { appid: app.appid, state: 'not_for_this_kind' };
      const seen = await held.peek(source);
      if (seen === undefined) return { appid: app.appid, state: 'none' };
      const secondsLeft = Math.floor(seen.leftMs / 1000);
      return { appid: app.appid, state: 'held', fingerprint: seen.version, secondsLeft };
    }),
  );
  const rows = tokens.map(({ appid: of, state, fingerprint = '', secondsLeft }) => [
    toPlainText(of),
    state === 'held'
      ? `for ${secondsLeft} s more`
      : state === 'none'
        ? 'none: fetched when it is needed'
        : 'apps of this kind have none',
    fingerprint,
  ]);
  return {
    text: tokens.length === 0 ? 'There is no app.' : formatTable([['APPID', 'TOKEN', 'FINGERPRINT'], ...rows]),
    json: { tokens },
  };
}

async function renew(open: OpenTokens, appid: string, isForced: boolean, by: ByOption): Promise<CommandResult> {
  const { sequelize, apps, tokenOf, forcedTokenOf, tokens, timeoutMs, log } = open;
  const app = findApp(apps, appid);
  if (app.secretFault !== undefined)
    throw new CommandFailure(
      app.secretFault,
      `The secret of ${toPlainText(appid)} can not be read here: set WAFER_KEYS.`,
    );
  const usual = tokenOf(app);
  if (usual === undefined)
    throw new CommandFailure('not_for_this_kind', `Apps of the kind of ${toPlainText(appid)} have no access token.`);
  const forced = isForced ? forcedTokenOf(app) : undefined;
  if (isForced && forced === undefined)
    throw new CommandFailure(
      'token_service',
      'The token comes from a token service: have it renewed there, then run this again without --force.',
    );
  const before = isForced ? await countForced(sequelize, appid) : undefined;
  const renewed = await tokens.renew(forced ?? usual, timeoutMs, log);
  if (renewed.kind !== 'ok') {
    const why =
      renewed.kind === 'refused'
        ? `errcode ${renewed.errcode}`
        : ((renewed as { reason?: string }).reason ?? renewed.kind);
    throw new CommandFailure(
      'token_not_fetched',
      `No token was fetched (${toPlainText(why)}); the one before stays. See: npx wafer doctor`,
    );
  }
  const { version: fingerprint, leftMs } = renewed.value;
  const secondsLeft = Math.floor(leftMs / 1000);
  await recordAudit(sequelize, {
    actor: findActor(by),
    action: 'token renew',
    target: appid,
    details: { isForced, fingerprint },
  });
  const forcedToday = before === undefined ? undefined : before.today + 1;
  return {
    text: [
      `All processes use the token ${toPlainText(fingerprint)} of ${toPlainText(appid)} now, which lives for ${secondsLeft} s more.`,
      ...(forcedToday === undefined
        ? []
        : [
            `That was number ${forcedToday} of ${perDay} today. The one before works for some minutes; has it leaked, run this again after ${minSecondsBetweenForced} s.`,
          ]),
    ].join('\n'),
    json: { appid, fingerprint, secondsLeft, isForced, ...(forcedToday === undefined ? {} : { forcedToday }) },
  };
}

function findApp(apps: OpenTokens['apps'], appid: string): OpenTokens['apps'][number] {
  const app = apps.find((each) => each.appid === appid);
  if (app !== undefined) return app;
  throw new CommandFailure('app_unknown', `There is no app ${toPlainText(appid)}. See: npx wafer app list`);
}
