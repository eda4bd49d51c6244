import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import { WaferSessionError } from './error.ts';

interface Answer {
  readonly status: number;
  readonly reason: string | undefined;
  readonly body: string;
}

/** Sends one body and reads the answer, on connections that stay open. */
export interface Transport {
  /** @throws {WaferSessionError} without an answer within that time */
  post(body: string, deadlineMs: number): Promise<Answer>;
  close(): void;
}

/** Longer than any answer of the protocol. */
const answerLimit = 1_000_000;

/** @param connections at most, of this pool; what comes beyond waits, within its deadline */
export function createTransport(url: URL, connections: number): Transport {
  const isSecure = url.protocol === 'https:';
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: connections });
  const start = isSecure ? httpsRequest : httpRequest;

  const send = async (body: string, signal: AbortSignal): Promise<Answer> => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const request = start(url, { method: 'POST', agent, signal, headers });
    try {
      const response = await respond(request, body);
      const reason = response.headers['x-wafer-reason'];
      return {
        status: response.statusCode ?? 0,
        reason: typeof reason === 'string' ? reason : undefined,
        body: await read(response),
      };
    } catch (error) {
      // The server may close an idle connection at the moment in which it is used again. Each of our calls may be repeated as it was.
      if (request.reusedSocket && isReset(error) && !signal.aborted) return send(body, signal);
      throw error;
    }
  };

  return {
    async post(body, deadlineMs) {
      const signal = AbortSignal.timeout(deadlineMs);
      try {
        return await send(body, signal);
      } catch (error) {
        const reason = signal.aborted ? 'deadline' : 'network';
        throw new WaferSessionError('the session server does not answer', { reason }, { cause: error });
      }
    },
    close: () => agent.destroy(),
  };
}

function respond(request: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve).once('error', reject).end(body);
  });
}

async function read(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += chunk as string;
    if (text.length > answerLimit) throw new Error('the answer is too long');
  }
  return text;
}

function isReset(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ECONNRESET';
}
