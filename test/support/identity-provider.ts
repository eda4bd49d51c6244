import { once } from 'node:events';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';
import type { OnClose } from './closing.ts';
import { noteSecret } from './traces.ts';

/** A real identity provider, which believes whatever name is typed into its log-in. */
export interface IdentityProvider {
  readonly issuer: string;
  /** What it says of a person, by the name that is typed in. */
  readonly people: Record<string, Record<string, unknown>>;
  /** What makes a console use it: who is in `admins` is an admin, who is in `staff` a viewer. */
  readonly env: Readonly<Record<string, string>>;
  /** From then on it answers. @param origin of the console */
  serve(origin: string): void;
}

const clientId = 'wafer-console';
const clientSecret = 'a-secret-of-the-client-that-is-long-enough';

/** @param host by which a browser reaches it: for one, `localhost` and 127.0.0.1 are two sites */
export async function startIdentityProvider(
  onClose: OnClose,
  host: '127.0.0.1' | 'localhost' = '127.0.0.1',
): Promise<IdentityProvider> {
  noteSecret('client secret of the console', clientSecret);
  const people: IdentityProvider['people'] = {};
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onClose(async () => void server.close());
  onClose(async () => server.closeAllConnections());
  const issuer = `http://${host}:${(server.address() as { port: number }).port}`;
  return {
    issuer,
    people,
    env: {
      CONSOLE_OIDC_ISSUER: issuer,
      CONSOLE_OIDC_CLIENT_ID: clientId,
      CONSOLE_OIDC_CLIENT_SECRET: clientSecret,
      CONSOLE_OIDC_ROLES: 'groups:admins=admin,groups:staff=viewer',
    },
    serve(origin) {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            redirect_uris: [`${origin}/sign-in/oidc/callback`],
            grant_types: ['authorization_code'],
            response_types: ['code'],
          },
        ],
        scopes: ['openid', 'profile', 'email', 'groups'],
        claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email'], groups: ['groups'] },
        pkce: { required: () => true },
        conformIdTokenClaims: false,
        findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
        cookies: { keys: ['of the test alone'] },
      });
      server.on('request', provider.callback());
    },
  };
}
