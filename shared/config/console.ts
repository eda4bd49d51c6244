import { isRole, type Role } from '../operators/roles.ts';
import { isLoopbackHost } from './exposure.ts';

/** Who gets which role by what the identity provider says of them. */
export interface ClaimRole {
  /** undefined: everybody whom the provider lets in. */
  readonly claim: { readonly name: string; readonly value: string } | undefined;
  readonly role: Role;
}

/** The company's own identity provider. */
export interface OidcSettings {
  readonly issuer: URL;
  readonly clientId: string;
  /** undefined: a public client, which PKCE alone protects */
  readonly clientSecret: string | undefined;
  readonly roles: readonly ClaimRole[];
}

/**
 * Parses `groups:wafer-admins=admin,groups:staff=viewer`; `*=viewer` is for everybody whom the provider lets in.
 * @throws {TypeError} with every entry that is wrong
 */
export function parseClaimRoles(text: string): ClaimRole[] {
  const entries = text.split(',').map((entry) => entry.trim());
  const parsed = entries.map((entry) => {
    const [, before = '', role] = /^(.+)=([a-z]+)$/.exec(entry) ?? [];
    const [, name, value] = /^([^:]+):(.+)$/.exec(before) ?? [];
    if (!isRole(role)) return undefined;
    if (before === '*') return { claim: undefined, role };
    return name === undefined || value === undefined ? undefined : { claim: { name, value }, role };
  });
  const wrong = entries.filter((_, index) => parsed[index] === undefined);
  if (wrong.length > 0)
    throw new TypeError(
      `must be a list such as groups:admins=admin,groups:staff=viewer,*=viewer with the roles viewer, operator and admin; not one: ${wrong.map((entry) => `"${entry}"`).join(', ')}`,
    );
  return parsed.filter((entry) => entry !== undefined);
}

/** @throws {TypeError} */
export function parseConsoleUrl(text: string): URL {
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new TypeError('must be an http:// or https:// address');
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new TypeError('must be a scheme, a host and perhaps a port: the console has a name of its own, not a path');
  return url;
}

/** @throws {TypeError} */
export function parseIssuer(text: string): URL {
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new TypeError('must be an https:// address');
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname))
    throw new TypeError('must begin with https://, unless the provider is on this machine');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new TypeError('must hold neither user nor password nor ? nor #');
  return url;
}

interface OidcVariables {
  readonly CONSOLE_OIDC_ISSUER?: URL | undefined;
  readonly CONSOLE_OIDC_CLIENT_ID?: string | undefined;
  readonly CONSOLE_OIDC_CLIENT_SECRET?: string | undefined;
  readonly CONSOLE_OIDC_ROLES?: ClaimRole[] | undefined;
}

/** undefined: people sign in with passwords alone */
export function oidcSettingsOf(env: OidcVariables): OidcSettings | undefined {
  const { CONSOLE_OIDC_ISSUER: issuer, CONSOLE_OIDC_CLIENT_ID: clientId, CONSOLE_OIDC_ROLES: roles } = env;
  if (issuer === undefined || clientId === undefined || roles === undefined) return undefined;
  return { issuer, clientId, clientSecret: env.CONSOLE_OIDC_CLIENT_SECRET, roles };
}

/** Some of the variables are of no use without the others. */
export function findOidcFaults(env: OidcVariables): string[] {
  const needed = ['CONSOLE_OIDC_ISSUER', 'CONSOLE_OIDC_CLIENT_ID', 'CONSOLE_OIDC_ROLES'] as const;
  const given = [...needed, 'CONSOLE_OIDC_CLIENT_SECRET' as const].filter((name) => env[name] !== undefined);
  if (given.length === 0) return [];
  return needed
    .filter((name) => env[name] === undefined)
    .map((name) => `${name} is missing: ${given[0]} is of no use without it`);
}

/** Where people open the console, without a slash at the end. */
export function consoleAddress({
  url,
  host,
  port,
}: {
  readonly url: URL | undefined;
  readonly host: string;
  readonly port: number;
}): string {
  if (url !== undefined) return url.origin;
  // An address to listen on is not always one to open.
  const isEverywhere = host === '0.0.0.0' || host === '::';
  return `http://${isEverywhere ? '127.0.0.1' : nameHost(host)}:${port}`;
}

/** As it stands in an address. */
export function nameHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
