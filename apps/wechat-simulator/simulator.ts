import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { BoundedMap, countUp } from './bounded-map.ts';
import { CodeToSession } from './code-to-session.ts';
import { createUserData } from './users.ts';

const countedPathsLimit = 1000;
const countedCodesLimit = 1_000_000;
/** Longer than clients keep idle connections, so that the simulator is never the one to cut them. */
const keepAliveTimeoutMs = 120_000;

export interface SimulatorOptions {
  /** Default: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Secrets by appid; default: every app is known. */
  apps?: ReadonlyMap<string, string>;
  /** Delays every answer of WeChat. */
  latencyMs?: number;
  /**
   * Called for each call to WeChat (code is '' when there is none) after it took effect and before it is answered,
   * which waits for the promise.
   */
  onRequest?: (path: string, code: string) => Promise<void> | void;
}

/** Calls to WeChat since the start or the last reset; those below /_sim/ are not counted. */
interface SimulatorStats {
  paths: Record<string, number>;
  codes: Record<string, number>;
}

export interface Simulator {
  readonly url: string;
  readonly port: number;
  readonly stats: () => SimulatorStats;
  /** Forgets the counts and the used codes. */
  readonly reset: () => void;
  readonly close: () => Promise<void>;
}

/** Starts a simulated WeChat. Rejects when it cannot listen. */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port = 0, host = '127.0.0.1', latencyMs = 0, onRequest } = options;
  const codeToSession = new CodeToSession(options.apps);
  const paths = new BoundedMap<number>(countedPathsLimit);
  const codes = new BoundedMap<number>(countedCodesLimit);

  const stats = () => ({ paths: paths.toObject(), codes: codes.toObject() });
  const reset = () => {
    codeToSession.reset();
    paths.clear();
    codes.clear();
  };

  async function handleWechatCall(path: string, query: URLSearchParams, response: ServerResponse): Promise<void> {
    const code = query.get('js_code') ?? '';
    countUp(paths, path);
    if (code) countUp(codes, code);
    if (path !== '/sns/jscode2session') return sendJson(response, 404, { errcode: 404, errmsg: 'not found' });

    const answer = codeToSession.answer(query);
    if (onRequest) await onRequest(path, code);
    const delayMs = latencyMs + answer.delayMs;
    if (delayMs > 0) await sleep(delayMs, undefined, { ref: false });
    // WeChat answers with JSON that it calls text/plain.
    send(response, answer.status, 'text/plain', answer.body);
  }

  function handleOwnCall(
    path: string,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const call = `${request.method} ${path}`;
    if (call === 'GET /_sim/stats') return sendJson(response, 200, stats());
    if (call === 'POST /_sim/reset') {
      reset();
      return sendJson(response, 200, {});
    }
    if (call !== 'GET /_sim/userdata') return sendJson(response, 404, { error: `no such path: ${call}` });
    const appid = query.get('appid');
    const code = query.get('code');
    if (!appid || !code) return sendJson(response, 400, { error: 'code and appid are needed' });
    return sendJson(response, 200, createUserData(appid, code));
  }

  const server = createServer((request, response) => {
    const url = request.url ?? '/';
    const queryStart = url.indexOf('?');
    const path = queryStart === -1 ? url : url.slice(0, queryStart);
    const query = new URLSearchParams(queryStart === -1 ? '' : url.slice(queryStart + 1));
    request.resume();
    if (path.startsWith('/_sim/')) handleOwnCall(path, query, request, response);
    else handleWechatCall(path, query, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.keepAliveTimeout = keepAliveTimeoutMs;

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: actualPort } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://${host}:${actualPort}`, port: actualPort, stats, reset, close };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(body));
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
