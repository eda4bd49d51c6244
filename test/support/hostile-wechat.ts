import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { OnClose } from './closing.ts';

export type WechatMood =
  | 'well'
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
}

const hugeChunk = Buffer.alloc(10_000, '{');
const hugeChunks = 1000;

/** Made as it is taken, so that what was sent can be told from what would have been. */
function* hugeAnswer() {
  for (let count = 0; count < hugeChunks; count++) yield hugeChunk;
}

export async function startHostileWechat(onClose: OnClose): Promise<HostileWechat> {
  const asked = new Map<string, number>();
  const sockets = new Set<Socket>();
  let sentByClosed = 0;

  const answer: Record<WechatMood, (response: ServerResponse, code: string) => void> = {
    well: (response, code) =>
      response.end(JSON.stringify({ openid: `o-${code}`, session_key: 'MDEyMzQ1Njc4OWFiY2RlZg==' })),
    silent: () => {},
    resetting: (response) => response.socket?.resetAndDestroy(),
    garbage: (response) => response.end('<html>'),
    failing: (response) => response.writeHead(502).end('bad gateway'),
    huge: (response) => void pipeline(Readable.from(hugeAnswer()), response).catch(() => undefined),
    endless: (response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
    },
    refusing: (response) => response.end('{"errcode":40029,"errmsg":"invalid code"}'),
  };

  const server = createServer((request, response) => {
    const code = new URL(request.url ?? '/', 'http://wechat').searchParams.get('js_code') ?? '';
    asked.set(code, (asked.get(code) ?? 0) + 1);
    answer[wechat.mood](response, code);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      sentByClosed += socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onClose(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const wechat: HostileWechat = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mood: 'well',
    asked,
    connections: () => sockets.size,
    bytesSent: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, sentByClosed),
  };
  return wechat;
}
