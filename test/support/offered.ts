import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/** What became of one request. */
export interface Offered {
  /** -1: no answer came. */
  readonly returnCode: number;
  /** Of a failure; what happened to the connection if no answer came. */
  readonly reason: string | undefined;
  readonly tookMs: number;
  /** After the first request was sent. */
  readonly endedAtMs: number;
  readonly index: number;
}

/** More at once would measure how the machine opens connections. */
const maxSockets = 1000;

/**
 * Sends so many requests a second, however slowly they are answered: as users come, who do not wait for each other.
 * @param paraOf the parameters of the request with this number
 * @returns what became of each
 */
export async function offer(
  url: string,
  interfaceName: string,
  paraOf: (index: number) => unknown,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<Offered[]> {
  const { Agent } = url.startsWith('https:') ? https : http;
  const agent = new Agent({ keepAlive: true, scheduling: 'lifo', maxSockets });
  const answers: Promise<Offered>[] = [];
  const startedAt = performance.now();
  const total = Math.round(perSecond * seconds);
  while (answers.length < total) {
    const due = Math.min(Math.ceil(((performance.now() - startedAt) / 1000) * perSecond), total);
    while (answers.length < due) {
      const index = answers.length;
      answers.push(send(agent, url, { interface: { interfaceName, para: paraOf(index) } }, { index, startedAt }));
    }
    await sleep(2);
  }
  try {
    return await Promise.all(answers);
  } finally {
    agent.destroy();
  }
}

function send(
  agent: http.Agent,
  url: string,
  envelope: object,
  { index, startedAt }: { readonly index: number; readonly startedAt: number },
): Promise<Offered> {
  const sentAt = performance.now();
  return new Promise((resolve) => {
    const end = (returnCode: number, reason: string | undefined) => {
      const now = performance.now();
      resolve({ returnCode, reason, tookMs: now - sentAt, endedAtMs: now - startedAt, index });
    };
    const fail = (error: NodeJS.ErrnoException) => end(-1, error.code ?? error.message);
    const { request } = url.startsWith('https:') ? https : http;
    const sent = request(`${url}/mina_auth/`, { method: 'POST', agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', fail);
      response.once('end', () => {
        const { returnCode } = JSON.parse(text) as { returnCode: number };
        end(returnCode, response.headers['x-wafer-reason'] as string | undefined);
      });
    });
    sent.once('error', fail);
    sent.end(JSON.stringify(envelope));
  });
}

export function countOutcomes(answers: readonly Offered[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { returnCode, reason } of answers) {
    const outcome = reason === undefined ? String(returnCode) : `${returnCode} ${reason}`;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}
