import { Webhook } from 'standardwebhooks';
import { Agent, request } from 'undici';
import { createHttpConnector } from '../network/http-connector.ts';
import { createNameLookup, type NameLookup } from '../network/name-lookup.ts';
import { nameEvent, toMessage, type StoredEvent } from './event.ts';
import type { TargetRules } from './targets.ts';

/** Where something is sent, and what it is signed with: with the second secret too while the first is new. */
export interface Target {
  readonly url: string;
  readonly secrets: readonly string[];
}

export interface SendResult {
  readonly isDelivered: boolean;
  /** What was answered or happened, in a few words without any name: `http 500`, `timeout`, … */
  readonly answer: string;
  readonly tookMs: number;
}

/** Sends signed events (https://www.standardwebhooks.com). */
export interface EventSender {
  send(target: Target, event: StoredEvent): Promise<SendResult>;
  close(): Promise<void>;
}

const timeoutMs = 10_000;
/** What an endpoint answers beside the status is read so far and thrown away. */
const answerLimitBytes = 65_536;

/** @param names their owners are others: no log-in waits for one that nobody answers for */
export function createEventSender({ accepts }: TargetRules, names: NameLookup = createNameLookup()): EventSender {
  const agent = new Agent({
    connect: createHttpConnector(accepts, names.findAddresses),
    maxResponseSize: answerLimitBytes,
  });
  const post = async (url: string, headers: Record<string, string>, body: string): Promise<string> => {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      // Redirects are not followed: they would lead past the check of the address that the operator has seen.
      const answer = await request(url, { method: 'POST', headers, body, signal, dispatcher: agent });
      await answer.body.dump({ limit: answerLimitBytes, signal });
      return `http ${answer.statusCode}`;
    } catch (error) {
      return signal.aborted ? 'timeout' : describeFailure(error);
    }
  };
  return {
    async send({ url, secrets }, event) {
      const startedAt = performance.now();
      const body = JSON.stringify(toMessage(event));
      const id = nameEvent(event);
      const now = new Date();
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'wafer-session',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, now, body)).join(' '),
      };
      const answer = await post(url, headers, body);
      return { isDelivered: answer.startsWith('http 2'), answer, tookMs: performance.now() - startedAt };
    },
    async close() {
      names.close();
      await agent.destroy();
    },
  };
}

/** Never the message: it may quote the address with what stands in its query. */
function describeFailure(error: unknown): string {
  const { code = '', name = '' } = error as { code?: unknown; name?: string };
  if (code === 'EREFUSEDADDRESS') return 'address refused: not public';
  return `network ${typeof code === 'string' && /^[A-Z_0-9]{1,40}$/.test(code) ? code : name}`;
}
