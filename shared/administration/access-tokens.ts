import { toPlainText } from '../log/plain-text.ts';
import { recordAudit, type Actor } from '../store/audit.ts';
import { AdministrationFailure, unknownApp } from './failure.ts';
import { countForced } from './forced-tokens.ts';
import { withTokens, type OpenTokens } from './tokens.ts';

/** What is known of an app's access token, which is never shown. */
export interface SeenToken {
  readonly appid: string;
  /** `none`: it is fetched when it is needed */
  readonly state: 'held' | 'none' | 'not_for_this_kind';
  /** Names the token, as the log does. */
  readonly fingerprint?: string;
  readonly secondsLeft?: number;
}

/** @param appid undefined: every app. @throws {AdministrationFailure} app_unknown, no_token */
export function showTokens(env: NodeJS.ProcessEnv, appid?: string): Promise<SeenToken[]> {
  return withTokens(env, ({ apps, tokenOf, tokens }) =>
    Promise.all(
      (appid === undefined ? apps : [getApp(apps, appid)]).map(async (app): Promise<SeenToken> => {
        const source = tokenOf(app);
        if (source === undefined) return { appid: app.appid, state: 'not_for_this_kind' };
        const seen = await tokens.peek(source);
        if (seen === undefined) return { appid: app.appid, state: 'none' };
        const secondsLeft = Math.floor(seen.leftMs / 1000);
        return { appid: app.appid, state: 'held', fingerprint: seen.version, secondsLeft };
      }),
    ),
  );
}

export interface RenewedToken {
  readonly appid: string;
  readonly fingerprint: string;
  readonly secondsLeft: number;
  readonly isForced: boolean;
  /** Which of today's it was, if it was forced. */
  readonly forcedToday?: number;
}

/**
 * Fetches an app's token anew, for all processes.
 * @param isForced WeChat makes another one, and the one before ends soon after
 * @throws {AdministrationFailure} with why there is none; then the one before stays
 */
export function renewToken(
  env: NodeJS.ProcessEnv,
  { appid, isForced, actor }: { readonly appid: string; readonly isForced: boolean; readonly actor: Actor },
): Promise<RenewedToken> {
  return withTokens(env, async ({ sequelize, apps, tokenOf, forcedTokenOf, tokens, timeoutMs, log }) => {
    const app = getApp(apps, appid);
    if (app.secretFault !== undefined)
      throw new AdministrationFailure(
        app.secretFault,
        `The secret of ${toPlainText(appid)} can not be read here: set WAFER_KEYS.`,
      );
    const usual = tokenOf(app);
    if (usual === undefined)
      throw new AdministrationFailure(
        'not_for_this_kind',
        `Apps of the kind of ${toPlainText(appid)} have no access token.`,
      );
    const forced = isForced ? forcedTokenOf(app) : undefined;
    if (isForced && forced === undefined)
      throw new AdministrationFailure(
        'token_service',
        'The token comes from a token service: have it renewed there, then do this again without force.',
      );
    const before = isForced ? await countForced(sequelize, appid) : undefined;
    const renewed = await tokens.renew(forced ?? usual, timeoutMs, log);
    if (renewed.kind !== 'ok') {
      const why =
        renewed.kind === 'refused'
          ? `errcode ${renewed.errcode}`
          : ((renewed as { reason?: string }).reason ?? renewed.kind);
      throw new AdministrationFailure(
        'token_not_fetched',
        `No token was fetched (${toPlainText(why)}); the one before stays. The doctor may know why.`,
      );
    }
    const { version: fingerprint, leftMs } = renewed.value;
    await recordAudit(sequelize, { actor, action: 'token renew', target: appid, details: { isForced, fingerprint } });
    return {
      appid,
      fingerprint,
      secondsLeft: Math.floor(leftMs / 1000),
      isForced,
      ...(before === undefined ? {} : { forcedToday: before.today + 1 }),
    };
  });
}

function getApp(apps: OpenTokens['apps'], appid: string): OpenTokens['apps'][number] {
  const app = apps.find((each) => each.appid === appid);
  if (app === undefined) throw unknownApp(appid);
  return app;
}
