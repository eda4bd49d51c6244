import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { createSimulator, type Simulator, type SimulatorOptions } from '../../apps/wechat-simulator/simulator.ts';
import type { OnClose } from './closing.ts';
import { noteSecret } from './traces.ts';

/** The simulated WeChat inside the test's own process. */
export async function startTestWechat({
  onClose,
  ...options
}: SimulatorOptions & { onClose?: OnClose } = {}): Promise<Simulator> {
  const simulator = await createSimulator({ onAnswer: noteAnswer, ...options });
  onClose?.(() => simulator.close());
  return simulator;
}

/** Everything that only WeChat and a worker may know. */
function noteAnswer(body: string, code: string): void {
  // What stands before the `~` is the user's name, which is part of the profile.
  if (code.includes('~')) noteSecret('code', code);
  if (!body.startsWith('{')) return;
  const answer = JSON.parse(body) as WechatSecrets;
  noteSecret('session_key', answer.session_key);
  noteSecret('access token', answer.access_token);
  noteSecret('phone number', answer.phone_info?.phoneNumber);
}

interface WechatSecrets {
  readonly session_key?: unknown;
  readonly access_token?: unknown;
  readonly phone_info?: { readonly phoneNumber?: unknown };
}

export interface ScriptedAnswer {
  /** Default 200. */
  status?: number;
  /** Sent as it is if it is a string or bytes, else as JSON. */
  body?: unknown;
  /** Default text/plain, as WeChat does. */
  contentType?: string;
  delayMs?: number;
  /** True: the connection is cut instead of an answer. */
  hangUp?: boolean;
}

export interface ScriptedWechat {
  readonly url: string;
  /** Path and query of each request so far. */
  readonly requests: { path: string; query: Record<string, string> }[];
  readonly close: () => Promise<void>;
}

/** Answers the first request with the first answer, and so on; a request too many gets a 500. */
export async function startScriptedWechat({
  answers,
  onClose,
}: {
  answers: readonly ScriptedAnswer[];
  onClose?: OnClose;
}): Promise<ScriptedWechat> {
  const requests: ScriptedWechat['requests'] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://wechat');
    const answer = answers[requests.length] ?? { status: 500, body: 'the script has no more answers' };
    requests.push({ path: url.pathname, query: Object.fromEntries(url.searchParams) });
    request.resume();
    void give(answer, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onClose?.(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close };
}

async function give(answer: ScriptedAnswer, response: ServerResponse): Promise<void> {
  const { status = 200, body = '', contentType = 'text/plain', delayMs = 0, hangUp = false } = answer;
  if (delayMs > 0) await sleep(delayMs, undefined, { ref: false });
  if (hangUp) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Type': contentType });
  response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
}
