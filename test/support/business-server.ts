import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

import type { OnClose } from './closing.ts';

const require = createRequire(import.meta.url);

/** What qcloud-weapp-server-sdk exports, as far as tests use it. */
interface ServerSdk {
  readonly config: { setAuthServerUrl(url: string): void };
  readonly LoginService: { create(request: IncomingMessage, response: ServerResponse): LoginService };
}

interface LoginService {
  /** Answers the request itself, also when it rejects. */
  login(): Promise<SdkResult>;
  /** Answers the request only when it rejects. */
  check(): Promise<SdkResult>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- whatever the session server sends
type SdkResult = { userInfo: any };

interface SdkError extends Error {
  /** ERR_LOGIN_FAILED, ERR_CHECK_LOGIN_FAILED or ERR_INVALID_SESSION. */
  readonly type: string;
}

/** A mini program's own server, which uses the unmodified qcloud-weapp-server-sdk. */
export interface BusinessServer {
  readonly loginUrl: string;
  /** Needs a session; answers `{ userInfo }`. */
  readonly profileUrl: string;
  /** What the SDK gave to the server's own code, in order. */
  readonly results: SdkResult[];
  readonly errors: SdkError[];
}

/** The SDK's configuration is one per process: one session server for each test file. */
export async function startBusinessServer(sessionServerUrl: string, onClose: OnClose): Promise<BusinessServer> {
  const sdk = require('qcloud-weapp-server-sdk') as ServerSdk;
  sdk.config.setAuthServerUrl(`${sessionServerUrl}/mina_auth/`);
  const results: SdkResult[] = [];
  const errors: SdkError[] = [];

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const service = sdk.LoginService.create(request, response);
    try {
      const isLogin = request.url === '/login';
      const result = await (isLogin ? service.login() : service.check());
      results.push(result);
      if (!isLogin) response.setHeader('content-type', 'application/json').end(JSON.stringify(result));
    } catch (error) {
      errors.push(error as SdkError);
    }
  };
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onClose(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { loginUrl: `${url}/login`, profileUrl: `${url}/profile`, results, errors };
}
