import type { Command } from 'commander';
import {
  renewToken,
  showTokens,
  type RenewedToken,
  type SeenToken,
} from '../../../shared/administration/access-tokens.ts';
import { minSecondsBetweenForced, perDay } from '../../../shared/administration/forced-tokens.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { addCommand, type CommandContext, type CommandResult } from '../result.ts';
import { formatTable } from '../text.ts';

/** `token show | renew`: the access tokens that workers share and hand out. None is ever shown. */
export function addTokenCommands(program: Command, { env, report }: CommandContext): void {
  const token = program.command('token').description('the access tokens of the apps, none of which is ever shown');

  addCommand(token, 'show', 'shows which app has an access token, how long it lives, and by what the log names it', [
    'npx wafer token show',
    'npx wafer token show wx0123456789abcdef --json',
  ])
    .argument('[appid]')
    .action(async (appid: string | undefined) => report(describeTokens(await showTokens(env, appid))));

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
      report(describeRenewed(await renewToken(env, { appid, isForced: force, actor: findActor(by) }))),
    );
}

function describeTokens(tokens: readonly SeenToken[]): CommandResult {
  const rows = tokens.map(({ appid, state, fingerprint = '', secondsLeft }) => [
    toPlainText(appid),
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

function describeRenewed(renewed: RenewedToken): CommandResult {
  const { appid, fingerprint, secondsLeft, forcedToday } = renewed;
  return {
    text: [
      `All processes use the token ${toPlainText(fingerprint)} of ${toPlainText(appid)} now, which lives for ${secondsLeft} s more.`,
      ...(forcedToday === undefined
        ? []
        : [
            `That was number ${forcedToday} of ${perDay} today. The one before works for some minutes; has it leaked, run this again after ${minSecondsBetweenForced} s.`,
          ]),
    ].join('\n'),
    json: renewed,
  };
}
