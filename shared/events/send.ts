import { createHmac } from 'node:crypto';
import { Agent } from 'undici';
import { createHttpConnector } from '../network/http-connector.ts';
import { createNameLookup, type NameLookup } from '../network/name-lookup.ts';
import { TimedRequest } from '../network/timed-request.ts';
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

/**
 * @param names their owners are others: no log-in waits for one that nobody answers for
 * @param limitMs from the wait for a connection to the end of the answer
 */
export function createEventSender(
  { accepts }: TargetRules,
  names: NameLookup = createNameLookup(),
  limitMs: number = timeoutMs,
): EventSender {
  const agent = new Agent({
    connect: createHttpConnector(accepts, names.findAddresses),
    maxResponseSize: answerLimitBytes,
    // Each event has a time-out of its own, for everything together.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const post = (url: string, headers: Record<string, string>, body: string): Promise<string> =>
    new Promise<string>((resolve) => {
      const { origin, pathname, search } = new URL(url);
      // Redirects are not followed: they would lead past the check of the address that the operator has seen.
      const request = { origin, path: pathname + search, method: 'POST', headers, body } as const;
      agent.dispatch(request, new Attempt(limitMs, resolve));
      // Somebody may have written what is no address by SQL.
    }).catch(describeFailure);
  return {
    async send({ url, secrets }, event) {
      const startedAt = performance.now();
      const body = JSON.stringify(toMessage(event));
      const id = nameEvent(event);
      const timestamp = String(Math.floor(Date.now() / 1000));
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'wafer-session',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': secrets.map((secret) => sign(secret, `${id}.${timestamp}.${body}`)).join(' '),
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

/** As Standard Webhooks says. @param secret `whsec_` and a key in base64 */
function sign(secret: string, text: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
}

/** What an endpoint says beside its status is for nobody. */
class Attempt extends TimedRequest<string> {
  protected onAnswer(status: number): string {
    return `http ${status}`;
  }

  protected onTimeout(): string {
    return 'timeout';
  }

  protected onFailure(error: Error): string {
    return describeFailure(error);
  }
}

/** Never the message: it may quote the address with what stands in its query. */
function describeFailure(error: unknown): string {
  const { code = '', name = '' } = error as { code?: unknown; name?: string };
  if (code === 'EREFUSEDADDRESS') return 'address refused: not public';
  return `network ${typeof code === 'string' && /^[A-Z_0-9]{1,40}$/.test(code) ? code : name}`;
}
