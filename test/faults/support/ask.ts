import { Agent, request } from 'node:http';

/** What became of one request. */
export type Reply =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string; readonly reason: string | undefined }
  /** Its connection broke while it was under way. */
  | { readonly kind: 'cut' }
  /** Nothing came within the time that a client has. */
  | { readonly kind: 'unanswered' }
  /** No front end takes connections. */
  | { readonly kind: 'nobody' };

/** A client before several front ends, as a balancer is: one whose port refuses is passed over, a request that was sent is never sent again. */
export interface Client {
  ask(interfaceName: string, para: unknown): Promise<Reply>;
  close(): void;
}

/** SDKs wait for 30 s; every answer has to come well within that time (docs/protocol.md#envelope). */
const patienceMs = 12_000;

export function createClient(urls: readonly string[]): Client {
  // No limit: a check must not wait for the connection of a log-in that waits for WeChat.
  const agent = new Agent({ keepAlive: true });
  let turn = 0;

  const send = (url: string, body: string): Promise<Reply> =>
    new Promise((resolve) => {
      const sent = request(`${url}/mina_auth/`, { method: 'POST', agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () =>
          finish({ kind: 'answer', status: response.statusCode ?? 0, text, reason: reasonOf(response.headers) }),
        );
        response.once('error', () => finish({ kind: 'cut' }));
      });
      const timer = setTimeout(() => {
        finish({ kind: 'unanswered' });
        sent.destroy();
      }, patienceMs);
      const finish = (reply: Reply) => {
        clearTimeout(timer);
        resolve(reply);
      };
      sent.once('error', (error: NodeJS.ErrnoException) =>
        finish({ kind: error.code === 'ECONNREFUSED' ? 'nobody' : 'cut' }),
      );
      sent.end(body);
    });
  return {
    async ask(interfaceName, para) {
      const body = JSON.stringify({ version: 1, componentName: 'MA', interface: { interfaceName, para } });
      const first = turn++;
      for (let tries = 0; ; tries++) {
        const reply = await send(urls[(first + tries) % urls.length] as string, body);
        if (reply.kind !== 'nobody' || tries === urls.length - 1) return reply;
      }
    },
    close: () => agent.destroy(),
  };
}

function reasonOf(headers: NodeJS.Dict<string | string[]>): string | undefined {
  const reason = headers['x-wafer-reason'];
  return typeof reason === 'string' ? reason : undefined;
}
