import type { Context } from 'koa';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { OidcSettings } from '../../../shared/config/console.ts';
import type { Origins } from '../origins.ts';
import type { Claims } from './oidc-operator.ts';
import { freshMs } from './sign-ins.ts';

/** What a sign-in that is under way needs to be finished by the browser that began it, and by no other. */
export interface OidcFlow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Path of this console to go to afterwards. */
  readonly to: string;
  /** Whether it is of somebody who is signed in and proves once more who they are. */
  readonly isAgain: boolean;
}

/** The company's identity provider, by OpenID Connect: code flow with PKCE, state and nonce. */
export interface OidcProvider {
  readonly issuer: string;
  /** @returns where to send the browser, and what to remember until it comes back */
  begin(to: string, isAgain: boolean): Promise<{ readonly url: string; readonly flow: OidcFlow }>;
  /** @throws if the provider refuses, or says what is not about this flow */
  finish(context: Context, flow: OidcFlow): Promise<Claims>;
}

const timeoutSeconds = 5;
export const callbackPath = '/sign-in/oidc/callback';
const usualScopes = ['openid', 'profile', 'email'];

export function createOidcProvider(settings: OidcSettings, origins: Origins): OidcProvider {
  const { issuer, clientId, clientSecret, roles } = settings;
  const redirectUri = `${origins.url}${callbackPath}`;
  const allow = issuer.protocol === 'http:' ? [allowInsecureRequests] : [];
  const discover = async (): Promise<Configuration> => {
    const found = await discovery(issuer, clientId, undefined, None(), { execute: allow, timeout: timeoutSeconds });
    const server = found.serverMetadata();
    // What a client is registered for unless it says otherwise.
    const { token_endpoint_auth_methods_supported: methods = ['client_secret_basic'] } = server;
    const createProof = methods.includes('client_secret_basic') ? ClientSecretBasic : ClientSecretPost;
    const proof = clientSecret === undefined ? None() : createProof(clientSecret);
    const configuration = new Configuration(server, clientId, undefined, proof);
    for (const each of [...allow, enableNonRepudiationChecks]) each(configuration);
    configuration.timeout = timeoutSeconds;
    return configuration;
  };
  const known: { configuration?: Promise<Configuration> } = {};
  const configure = (): Promise<Configuration> => {
    known.configuration ??= discover().catch((error: unknown) => {
      delete known.configuration;
      throw error;
    });
    return known.configuration;
  };
  const claimNames = roles.flatMap(({ claim }) => claim?.name ?? []);
  return {
    issuer: issuer.href,
    async begin(to, isAgain) {
      const configuration = await configure();
      const flow = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier(), to, isAgain };
      const { scopes_supported: supported = [] } = configuration.serverMetadata();
      const scopes = new Set([...usualScopes, ...claimNames.filter((name) => supported.includes(name))]);
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: [...scopes].join(' '),
        state: flow.state,
        nonce: flow.nonce,
        code_challenge: await calculatePKCECodeChallenge(flow.verifier),
        code_challenge_method: 'S256',
        // It asks though it knows the browser, and says when it did.
        ...(isAgain ? { prompt: 'login', max_age: String(freshMs / 1000) } : {}),
      });
      return { url: url.href, flow };
    },
    async finish(context, { state, nonce, verifier }) {
      const configuration = await configure();
      // Whatever name the request came by, it is about the address that was registered.
      const current = new URL(`${redirectUri}${context.search}`);
      const tokens = await authorizationCodeGrant(configuration, current, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new Error('the provider sent no ID token');
      if (configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
      return { ...(await fetchUserInfo(configuration, tokens.access_token, claims.sub)), ...claims };
    },
  };
}
