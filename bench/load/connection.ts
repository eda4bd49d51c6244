import { connect } from 'node:net';

/** A keep-alive HTTP connection that does as little as possible, so that it measures the server and not itself. */
export interface Connection {
  /** One request at a time. @param done gets the answer, head and body, or undefined if the connection broke */
  send(request: string, done: (answer: string | undefined) => void): void;
  close(): void;
}

const contentLength = /\r\ncontent-length: (\d+)\r\n/i;
const headEnd = '\r\n\r\n';

export function createConnection(url: URL): Connection {
  const socket = connect(Number(url.port), url.hostname).setNoDelay(true);
  let received = '';
  let waiting: ((answer: string | undefined) => void) | undefined;

  const finish = (answer: string | undefined) => {
    const done = waiting;
    waiting = undefined;
    received = '';
    done?.(answer);
  };
  // The protocol's answers are ASCII.
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
    const bodyStart = received.indexOf(headEnd) + headEnd.length;
    if (bodyStart < headEnd.length) return;
    const length = Number(contentLength.exec(received)?.[1] ?? 0);
    if (received.length >= bodyStart + length) finish(received);
  });
  socket.on('error', () => {});
  socket.on('close', () => finish(undefined));
  return {
    send(request, done) {
      waiting = done;
      if (socket.destroyed) finish(undefined);
      else socket.write(request);
    },
    close: () => void socket.destroy(),
  };
}
