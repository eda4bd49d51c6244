import type { Context } from 'koa';

/**
 * @returns aborted once nobody waits for the answer any more, or it is whole; at once if that is so already. Whoever goes while another request
 * of the same connection is answered first is told by the connection alone.
 */
export function whenLeft({ req: { socket }, res }: Pick<Context, 'req' | 'res'>): AbortSignal {
  const left = new AbortController();
  if (socket.destroyed || res.destroyed || res.writableEnded) {
    left.abort();
    return left.signal;
  }
  const leave = () => {
    socket.off('close', leave);
    res.off('close', leave);
    left.abort();
  };
  socket.once('close', leave);
  res.once('close', leave);
  return left.signal;
}
