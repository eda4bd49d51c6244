import { readFileSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { OnClose } from './closing.ts';
import type { TestCertificate } from './certificates.ts';

export type WechatMood =
  | 'well'
  /** Answers well, after six seconds. */
  | 'slow'
  /** Takes the request and never answers. */
  | 'silent'
  | 'resetting'
  /** Status 200, no JSON. */
  | 'garbage'
  | 'failing'
  /** Ten megabytes. */
  | 'huge'
  /** A byte now and then, without an end. */
  | 'endless'
  /** Refuses every code. */
  | 'refusing';

/** A WeChat whose mood changes. */
export interface HostileWechat {
  readonly url: string;
  mood: WechatMood;
  /** How often it was asked about each code. */
  readonly asked: Map<string, number>;
  /** Connections that are open at present. */
  connections(): number;
  /** Bytes that it could send, over all connections. */
  bytesSent(): number;
  /** Ends all connections and takes no more, until {@link HostileWechat.start}. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Shows this certificate from now on, on new connections; the old ones end. For one that speaks TLS. */
  show(certificate: TestCertificate): void;
}

export interface HostileWechatOptions {
  readonly onClose: OnClose;
  /** Whom to ask when it is well: the address of a simulated WeChat. Default: every code is a user of its own. */
  readonly upstream?: string;
  /** Default: no TLS. */
  readonly certificate?: TestCertificate;
}

const slowMs = 6000;
const endlessStepMs = 250;

const hugeChunk = Buffer.alloc(10_000, '{');
const hugeChunks = 1000;

/** Made as it is taken, so that what was sent can be told from what would have been. */
function* hugeAnswer() {
  for (let count = 0; count < hugeChunks; count++) yield hugeChunk;
}

export async function startHostileWechat({
  onClose,
  upstream,
  certificate,
}: HostileWechatOptions): Promise<HostileWechat> {
  const asked = new Map<string, number>();
  const sockets = new Set<Socket>();
  let sentByClosed = 0;

  const agent = new Agent({ keepAlive: true });
  const answerWell = (response: ServerResponse, code: string, path: string) => {
    if (upstream === undefined) {
      response.end(JSON.stringify({ openid: `o-${code}`, session_key: 'MDEyMzQ1Njc4OWFiY2RlZg==' }));
      return;
    }
    get(`${upstream}${path}`, { agent }, (found) => {
      response.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(response);
    }).on('error', () => response.destroy());
  };
  const answer: Record<WechatMood, (response: ServerResponse, code: string, path: string) => void> = {
    well: answerWell,
    slow: (response, code, path) => {
      const timer = setTimeout(answerWell, slowMs, response, code, path);
      response.once('close', () => clearTimeout(timer));
    },
    silent: () => {},
    resetting: ({ socket }) => {
      // A connection with TLS can only be closed.
      if (certificate === undefined) socket?.resetAndDestroy();
      else socket?.destroy();
    },
    garbage: (response) => response.end('<html>'),
    failing: (response) => response.writeHead(502).end('bad gateway'),
    huge: (response) => void pipeline(Readable.from(hugeAnswer()), response).catch(() => undefined),
    endless: (response) => {
      const timer = setInterval(() => response.write(' '), endlessStepMs);
      response.once('close', () => clearInterval(timer));
    },
    refusing: (response) => response.end('{"errcode":40029,"errmsg":"invalid code"}'),
  };

  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '/';
    const code = new URL(path, 'http://wechat').searchParams.get('js_code') ?? '';
    asked.set(code, (asked.get(code) ?? 0) + 1);
    answer[wechat.mood](response, code, path);
  };
  const server = certificate === undefined ? createServer(handle) : createTlsServer(readPair(certificate), handle);
  // Of a handshake that did not come to its end.
  server.on('tlsClientError', () => {});
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      sentByClosed += socket.bytesWritten;
    });
  });
  const listenAt = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listenAt(0);
  const { port } = server.address() as AddressInfo;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      sockets.forEach((socket) => socket.destroy());
    });
  onClose(async () => {
    await stop();
    agent.destroy();
  });
  const wechat: HostileWechat = {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    mood: 'well',
    asked,
    connections: () => sockets.size,
    bytesSent: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, sentByClosed),
    stop,
    start: () => listenAt(port),
    show(other) {
      (server as TlsServer).setSecureContext(readPair(other));
      sockets.forEach((socket) => socket.destroy());
    },
  };
  return wechat;
}

function readPair({ certFile, keyFile }: TestCertificate): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
}
