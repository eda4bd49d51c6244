import { connect, type Socket } from 'node:net';
import type { OnClose } from './closing.ts';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The last request of a connection: after its answer the server ends it, so that nobody has to guess whether more will come. */
export const lastRequest = 'GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n';

/** Sends bytes that no HTTP client would send and reads until the server ends the connection. */
export function speak(url: string, bytes: string | Buffer): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server may end a connection on which something is still being sent.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.once('close', () => {
      try {
        resolve(parseAnswers(Buffer.concat(chunks).toString('latin1')));
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** @throws if this is not a sequence of whole HTTP answers */
export function parseAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1];
    if (end < 0 || status === undefined) throw new Error(`no HTTP answer: ${JSON.stringify(rest.slice(0, 200))}`);
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const length = Number(headers['content-length'] ?? 0);
    // Node's own answer to a request without a Host is an empty chunked one.
    const from = end + 4 + (headers['transfer-encoding'] === 'chunked' ? '0\r\n\r\n'.length : 0);
    answers.push({ status: Number(status), headers, body: rest.slice(from, from + length) });
    rest = rest.slice(from + length);
  }
  return answers;
}

/** A connection that stays open. Its errors do not matter. */
export function openSocket(url: string, onClose: OnClose): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.on('error', reject);
    onClose(async () => void socket.destroy());
  });
}

/** The bytes of a call of the protocol. */
export function rawCall(interfaceName: string, para: unknown, headers: readonly string[] = []): string {
  const body = JSON.stringify({ interface: { interfaceName, para } });
  return ['POST /mina_auth/ HTTP/1.1', 'Host: test', ...headers, `Content-Length: ${body.length}`, '', body].join(
    '\r\n',
  );
}
