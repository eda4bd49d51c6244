import { connect } from 'node:net';

/** A keep-alive HTTP connection that does as little as possible, so that it measures the server and not itself. */
export interface Connection {
  /** One request at a time. @param done gets the answer, head and body, or undefined if the connection broke */
  send(request: string, done: (answer: string | undefined) => void): void;
  close(): void;
}

const contentLength = /\r\ncontent-length: (\d+)\r\n/i;
const headEnd = '\r\n\r\n';

/** What is read is looked at before anything else is read: one piece of memory does for all, and no garbage comes of it. */
const readInto = Buffer.allocUnsafeSlow(64 * 1024);

export function createConnection(url: URL): Connection {
  let received = '';
  let waiting: ((answer: string | undefined) => void) | undefined;

  const finish = (answer: string | undefined) => {
    const done = waiting;
    waiting = undefined;
    received = '';
    done?.(answer);
  };
  const read = (bytes: number): boolean => {
    // The protocol's answers are ASCII.
    const chunk = readInto.toString('latin1', 0, bytes);
    received = received === '' ? chunk : received + chunk;
    const bodyStart = received.indexOf(headEnd) + headEnd.length;
    if (bodyStart < headEnd.length) return true;
    const length = Number(contentLength.exec(received)?.[1] ?? 0);
    if (received.length >= bodyStart + length) finish(received);
    return true;
  };
  const socket = connect({
    port: Number(url.port),
    host: url.hostname,
    noDelay: true,
    onread: { buffer: readInto, callback: read },
  });
  socket.on('error', () => {});
  socket.on('close', () => finish(undefined));
  return {
    send(request, done) {
      waiting = done;
      if (socket.destroyed) finish(undefined);
      else socket.write(request, 'latin1');
    },
    close: () => void socket.destroy(),
  };
}
