import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../shared/config/config.ts';
import type { Log } from '../../shared/log/log.ts';
import { createLoginFailureLog } from '../../shared/log/login-failures.ts';
import type { Access } from './access/access.ts';
import { createApp } from './app.ts';
import { openCertificate } from './http/certificate.ts';
import { defaultHttpLimits } from './http/limits.ts';
import { listen, type HttpServer } from './http/server.ts';
import { createInterfaces } from './interfaces/index.ts';
import type { InterfaceDeps } from './interfaces/interface.ts';
import type { WebMetrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';
import type { Tracing } from '../../shared/tracing/span.ts';
import { addForwardAuth, createForwardAuth } from './routes/forward-auth.ts';
import { addMinaAuth, createMinaAuth } from './routes/mina-auth.ts';
import { addOpenApi } from './routes/openapi.ts';
import { addOperations } from './routes/operations.ts';
import { addToken } from './routes/token.ts';
import { addWechatEvent } from './routes/wechat-event.ts';

/** Room for at least this many bodies of the maximum length. */
const longestBodiesHeld = 8;

/**
 * Everything that can be asked over HTTP: Koa answers it all, and the fast lane before it plain requests, by the same functions.
 * @param stopping aborted by the end of the server too: from then on answers are the last of their connections
 * @throws with a clear message if the port or the certificate can't be had
 */
export async function openDoors(
  { http, login }: Config,
  deps: Omit<InterfaceDeps, 'login' | 'loginFailed'> & {
    readonly access: Access;
    readonly readiness: Readiness;
    readonly renderMetrics: () => Promise<string>;
    readonly instance: string;
    readonly metrics: WebMetrics;
    readonly tracing: Tracing | undefined;
    readonly log: Log;
  },
  stopping: AbortController,
): Promise<HttpServer> {
  const { access, instance, metrics, tracing, log } = deps;
  const { gate } = access;
  const { bodyLimitBytes, fastLane } = http;
  const interfaceDeps = { ...deps, login, loginFailed: createLoginFailureLog(log, { web: instance }) };
  const answer = createMinaAuth({ interfaces: createInterfaces(interfaceDeps), access, metrics, tracing, log });
  const check = createForwardAuth(deps);
  const koa = createApp({
    log,
    gate,
    routes: [
      addMinaAuth(answer, bodyLimitBytes),
      addForwardAuth(check),
      addToken(interfaceDeps),
      addWechatEvent(deps),
      addOperations({ ...deps, mayReadMetrics: access.mayReadMetrics }),
      addOpenApi,
    ],
    bodyLimitBytes,
    stopping: stopping.signal,
  }).callback();
  const handlers = {
    onRequest: (request: IncomingMessage, response: ServerResponse) => void koa(request, response),
    fastLane: fastLane ? { admit: gate.admitAtOnce, answer, check, bodyLimitBytes } : undefined,
    standingOf: access.standingOf,
    onRefusedConnection: access.refuseConnection,
  };
  const certificate = http.tls && openCertificate(http.tls, log);
  const heldBytes = Math.max(defaultHttpLimits.heldBytes, longestBodiesHeld * bodyLimitBytes);
  return listen(handlers, { ...http, certificate }, { ...defaultHttpLimits, heldBytes }, stopping);
}
