import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { newUser } from '../support/client.ts';

/** So many log-ins a second, for so long. */
export interface Stretch {
  readonly seconds: number;
  readonly perSecond: number;
}

export interface Bursts {
  /** Log-ins so far. */
  readonly counts: { sent: number; ok: number; /** Tries that were told to come again. */ refused: number };
  /** What became of those that came to nothing: return code and reason. */
  readonly lost: string[];
  /** Resolves when every log-in has ended. */
  readonly done: Promise<void>;
}

const patienceMs = 240_000;
const againAfterMs = 1000;
const mostAgainAfterMs = 8000;

/**
 * Log-ins as mini programs send them: one that is told `overloaded` comes again with the same code, which WeChat has not been asked about;
 * after a second, and each time twice as long.
 */
export function startBursts(url: string, stretches: readonly Stretch[], signal: AbortSignal): Bursts {
  const agent = new Agent({ keepAlive: true, maxSockets: 1000 });
  const counts = { sent: 0, ok: 0, refused: 0 };
  const lost: string[] = [];
  const logIn = async (): Promise<void> => {
    const code = newUser();
    const until = performance.now() + patienceMs;
    counts.sent++;
    for (let againMs = againAfterMs; ; againMs = Math.min(2 * againMs, mostAgainAfterMs)) {
      const { returnCode, reason } = await send(agent, url, code);
      if (returnCode === 0) return void counts.ok++;
      if (reason !== 'overloaded' || performance.now() > until || signal.aborted)
        return void lost.push(`${returnCode} ${reason}`);
      counts.refused++;
      await sleep(againMs * (0.75 + Math.random() / 2));
    }
  };
  const run = async (): Promise<void> => {
    const underWay: Promise<void>[] = [];
    for (const { seconds, perSecond } of stretches) {
      const startedAt = performance.now();
      for (let sent = 0; sent < seconds * perSecond && !signal.aborted;) {
        const due = Math.min(((performance.now() - startedAt) / 1000) * perSecond, seconds * perSecond);
        for (; sent < due; sent++) underWay.push(logIn());
        await sleep(5);
      }
      const leftMs = seconds * 1000 - (performance.now() - startedAt);
      if (leftMs > 0) await sleep(leftMs, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(underWay);
    agent.destroy();
  };
  return { counts, lost, done: run() };
}

/** @returns returnCode -1 if no answer came */
function send(agent: Agent, url: string, code: string): Promise<{ returnCode: number; reason: string }> {
  const body = JSON.stringify({ interface: { interfaceName: 'qcloud.cam.id_skey', para: { code } } });
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve({ returnCode: -1, reason: error.message });
    const sent = request(`${url}/mina_auth/`, { method: 'POST', agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', fail);
      response.once('end', () => {
        const { returnCode } = JSON.parse(text) as { returnCode: number };
        resolve({ returnCode, reason: String(response.headers['x-wafer-reason'] ?? '') });
      });
    });
    sent.once('error', fail);
    sent.end(body);
  });
}
