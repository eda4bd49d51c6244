import type { IncomingHttpHeaders } from 'node:http';
import type { OnClose } from './closing.ts';
import { listen } from './listen.ts';

/** An event as it came. */
interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body, read. */
  readonly message: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>> & { readonly sequence: number };
  };
}

/** Another system that is told what happens. */
export interface EventReceiver {
  readonly url: string;
  readonly deliveries: Delivery[];
  /** With which status it answers; default 204. */
  answer: (delivery: Delivery) => number;
  /** It answers when this is over. */
  hold: () => Promise<unknown> | undefined;
  /** Where a redirect leads. */
  location: string | undefined;
}

export async function startEventReceiver(onClose: OnClose): Promise<EventReceiver> {
  const deliveries: Delivery[] = [];
  const url = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const delivery = { headers: request.headers, body, message: JSON.parse(body) as Delivery['message'] };
      deliveries.push(delivery);
      const headers = receiver.location === undefined ? {} : { location: receiver.location };
      const answer = () => response.writeHead(receiver.answer(delivery), headers).end();
      const holding = receiver.hold();
      if (holding === undefined) answer();
      else void holding.then(answer);
    });
  }, onClose);
  const receiver: EventReceiver = {
    url: `${url}/hook`,
    deliveries,
    answer: () => 204,
    hold: () => undefined,
    location: undefined,
  };
  return receiver;
}
