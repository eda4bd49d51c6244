import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { noteSignIn } from '../../../shared/operators/operator-store.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import { createOutageWarning, type Log } from '../../../shared/log/log.ts';
import { recordAudit } from '../../../shared/store/audit.ts';
import type { OidcSettings } from '../../../shared/config/console.ts';
import { createActor, type Administration } from '../administration.ts';
import type { ConsoleMetrics } from '../metrics.ts';
import { isStoreAway } from '../api/to-problem.ts';
import { stateOf } from '../state.ts';
import { clocksDifferMs, freshMs, type SignIns } from './sign-ins.ts';
import { findOidcOperator, msSinceProof, roleOfClaims } from './oidc-operator.ts';
import { callbackPath, type OidcFlow, type OidcProvider } from './oidc.ts';
import { readReturnPath } from './return-path.ts';

const beginPath = '/sign-in/oidc';
const flowMs = 600_000;
const purpose = 'console oidc';

interface KeptFlow extends OidcFlow {
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * The way to the company's identity provider and back. What is remembered meanwhile is in a cookie of the browser, sealed, so that a crowd
 * that begins and never comes back costs nothing here. It is Lax where the cookie of a sign-in is Strict: the way back comes from another site.
 */
export function addOidc(deps: {
  readonly provider: OidcProvider | undefined;
  readonly settings: OidcSettings | undefined;
  readonly signIns: SignIns;
  readonly findSeal: () => Promise<Seal>;
  readonly administrationOf: (who: undefined, address: string) => Administration;
  readonly isSecure: boolean;
  readonly signedIn: ConsoleMetrics['signedIn'];
  readonly log: Log;
}): (router: Router) => void {
  const { provider, settings, signIns, findSeal, administrationOf, isSecure, signedIn, log } = deps;
  if (provider === undefined || settings === undefined) return () => undefined;
  const warn = createOutageWarning(log, 'a sign-in through the identity provider failed');
  // With this prefix no other host of the domain can set it, as to have somebody finish a flow that a stranger began.
  const cookie = isSecure ? '__Host-wafer-console-oidc' : 'wafer-console-oidc';
  const cookieOptions = {
    httpOnly: true,
    sameSite: 'lax',
    secure: isSecure,
    path: isSecure ? '/' : beginPath,
    overwrite: true,
  } as const;

  const takeFlow = async (context: Context): Promise<OidcFlow | undefined> => {
    const sealed = context.cookies.get(cookie);
    context.cookies.set(cookie, '', { ...cookieOptions, maxAge: 0 });
    if (sealed === undefined) return undefined;
    const seal = await findSeal();
    try {
      const flow = JSON.parse(seal.open(purpose, decodeURIComponent(sealed))) as KeptFlow;
      const leftMs = flow.until - Date.now();
      return leftMs > 0 && leftMs <= flowMs + clocksDifferMs ? flow : undefined;
    } catch {
      return undefined;
    }
  };
  /** @returns why not */
  const signIn = async (context: Context, flow: OidcFlow): Promise<string | undefined> => {
    const claims = await provider.finish(context, flow);
    const provenMsAgo = msSinceProof(claims);
    // As where somebody took from the address that it should ask.
    if (flow.isAgain && provenMsAgo > freshMs) return 'oidc_not_asked';
    const role = roleOfClaims(claims, settings.roles);
    const { sequelize, actor } = administrationOf(undefined, stateOf(context).address ?? 'unknown');
    const operator = await findOidcOperator(sequelize, { issuer: provider.issuer, claims, role }, actor);
    if (operator === undefined) return 'oidc_no_role';
    if (operator.isDisabled) return 'operator_disabled';
    await signIns.begin(context, operator, 'oidc', provenMsAgo);
    await noteSignIn(sequelize, operator.id);
    const entry = { action: 'operator sign-in', target: operator.name, details: { via: 'oidc' } };
    await recordAudit(sequelize, { ...entry, actor: createActor(operator.name, actor.host) });
    return undefined;
  };
  const tell = (context: Context, problem: string): void => {
    signedIn('oidc', problem);
    context.redirect(`/sign-in?problem=${problem}`);
  };

  return (router) => {
    router.get(beginPath, async (context) => {
      context.set('Cache-Control', 'no-store');
      const to = readReturnPath(context.query['to']);
      // Where the provider knows the browser it asks nothing, so that nobody would have done anything.
      if (isLedByOthers(context)) return context.redirect(`/sign-in?to=${encodeURIComponent(to)}`);
      try {
        const { url, flow } = await provider.begin(to, context.query['again'] === '1');
        const kept: KeptFlow = { ...flow, until: Date.now() + flowMs };
        const sealed = (await findSeal()).seal(purpose, JSON.stringify(kept));
        context.cookies.set(cookie, encodeURIComponent(sealed), { ...cookieOptions, maxAge: flowMs });
        context.redirect(url);
      } catch (error) {
        if (isStoreAway(error)) throw error;
        warn(error);
        tell(context, 'oidc_unreachable');
      }
    });
    router.get(callbackPath, async (context) => {
      context.set('Cache-Control', 'no-store');
      const flow = await takeFlow(context);
      if (flow === undefined) return tell(context, 'oidc_too_late');
      try {
        const problem = await signIn(context, flow);
        if (problem !== undefined) return tell(context, problem);
        signedIn('oidc', 'succeeded');
        return context.redirect(flow.to);
      } catch (error) {
        if (isStoreAway(error)) throw error;
        warn(error);
        return tell(context, 'oidc_failed');
      }
    });
  };
}

/** Whether a page of another site, or of another host of this one, leads the browser here; as every browser since 2023 says. */
function isLedByOthers(context: Context): boolean {
  return /^(?:cross|same)-site$/.test(context.get('Sec-Fetch-Site'));
}
