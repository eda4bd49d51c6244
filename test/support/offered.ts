import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What became of one request. */
export interface Offered {
  readonly returnCode: number;
  readonly reason: string | undefined;
  readonly tookMs: number;
  /** After the first request was sent. */
  readonly endedAtMs: number;
  readonly index: number;
}

/**
 * Sends so many requests a second, however slowly they are answered: as users come, who do not wait for each other.
 * @param paraOf the parameters of the request with this number
 * @returns all answers; rejects if one request gets none
 */
export async function offer(
  url: string,
  interfaceName: string,
  paraOf: (index: number) => unknown,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<Offered[]> {
  const agent = new Agent({ keepAlive: true, scheduling: 'lifo' });
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
  agent: Agent,
  url: string,
  envelope: object,
  { index, startedAt }: { readonly index: number; readonly startedAt: number },
): Promise<Offered> {
  const sentAt = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/mina_auth/`, { method: 'POST', agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', reject);
      response.once('end', () => {
        const { returnCode } = JSON.parse(text) as { returnCode: number };
        const reason = response.headers['x-wafer-reason'] as string | undefined;
        const now = performance.now();
        resolve({ returnCode, reason, tookMs: now - sentAt, endedAtMs: now - startedAt, index });
      });
    });
    sent.once('error', reject);
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
