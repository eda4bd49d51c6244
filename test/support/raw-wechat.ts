import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { OnClose } from './closing.ts';

/** What a WeChat without any manners sends back; the connection ends after it. */
export type RawWechatAnswer = Uint8Array | 'reset' | 'silence' | 'endless';

export interface RawWechat {
  readonly url: string;
  /** By code; a code that is not in here gets silence. */
  readonly answers: Map<string, RawWechatAnswer>;
}

const chunk = Buffer.alloc(16_384, '{"openid":');

/** Below HTTP, so that no library corrects what it sends. */
export async function startRawWechat({ onClose }: { onClose: OnClose }): Promise<RawWechat> {
  const answers = new Map<string, RawWechatAnswer>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let request = '';
    socket.on('data', (data: Buffer) => {
      request += data.toString('latin1');
      if (!request.includes('\r\n\r\n')) return;
      const code = /[?&]js_code=([^& ]*)/.exec(request)?.[1] ?? '';
      request = '';
      give(socket, answers.get(decodeURIComponent(code)) ?? 'silence');
    });
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onClose(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answers };
}

function give(socket: Socket, answer: RawWechatAnswer): void {
  if (answer === 'reset') socket.resetAndDestroy();
  else if (answer === 'endless') {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', more);
    more();
  } else if (answer !== 'silence') socket.end(answer);
}
