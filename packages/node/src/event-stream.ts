import { request as httpRequest, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Where the session server tells what happens. */
export interface EventsOptions {
  /** The stream of its console: http://10.0.0.5:8081/api/v1/events */
  readonly url: string;
  /** A bearer token of the console; the role viewer is enough. */
  readonly token: string;
}

/** What ends what somebody may remember of sessions. */
interface Listener {
  /** Of this session something has changed. */
  onSession(id: string): void;
  /** Of any session something may have changed. */
  onAny(): void;
}

const wanted = 'session.replaced,session.ended,profile.changed,user.erased,app.changed';
const retryMs = 1000;
/** The server says something at least every fifteen seconds. */
const silenceMs = 40_000;
/** Longer than any event. */
const messageLimit = 100_000;

/** Listens, and begins anew whenever the stream breaks, until it is closed. What is missed meanwhile counts as anything. */
export function listenToEvents({ url, token }: EventsOptions, { onSession, onAny }: Listener): { close(): void } {
  const address = new URL(url);
  address.searchParams.set('events', wanted);
  const start = address.protocol === 'https:' ? httpsRequest : httpRequest;
  let lastId: string | undefined;
  let isClosed = false;
  let current: ClientRequest | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** @param goesOn the server was told which event was the last */
  const hear = (message: string, goesOn: boolean): void => {
    const fields = new Map(
      message.split('\n').map((line): [string, string] => {
        const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
        return [name, value];
      }),
    );
    lastId = fields.get('id') ?? lastId;
    const event = fields.get('event');
    if (event === undefined) return;
    // Where the stream goes on, nothing was missed; where it begins, what was asked before it began was.
    if (event === 'ready' && goesOn) return;
    const id = readSessionId(fields.get('data'));
    if (id === undefined) onAny();
    else onSession(id);
  };

  const connect = (): void => {
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'text/event-stream',
      ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
    };
    const goesOn = lastId !== undefined;
    // A connection of its own: it is held for hours.
    const request = start(address, { headers, agent: false });
    current = request;
    let hasEnded = false;
    const again = () => {
      if (hasEnded) return;
      hasEnded = true;
      request.destroy();
      if (isClosed) return;
      timer = setTimeout(connect, retryMs);
      timer.unref();
    };
    request.setTimeout(silenceMs, again);
    request.once('error', again).once('close', again);
    request.once('response', (response) => {
      // A stream must not keep the process alive.
      response.socket.unref();
      if (response.statusCode !== 200) {
        lastId = undefined;
        again();
        return;
      }
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const messages = text.split('\n\n');
        text = messages.pop() ?? '';
        for (const message of messages) hear(message, goesOn);
        if (text.length > messageLimit) again();
      });
      response.once('end', again).once('error', again);
    });
    request.end();
  };
  connect();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      current?.destroy();
    },
  };
}

function readSessionId(text: string | undefined): string | undefined {
  try {
    const { data } = JSON.parse(text ?? '') as { data?: { sessionId?: unknown } };
    return typeof data?.sessionId === 'string' ? data.sessionId : undefined;
  } catch {
    return undefined;
  }
}
