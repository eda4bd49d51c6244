import type { Socket } from 'node:net';

/** So long the rest of what a client sends is thrown away, so that it can read the answer: with unread bytes the system would drop that. */
const lingerMs = 1000;
const body = '{"error":"too_many_bytes"}';
const answer = [
  'HTTP/1.1 503 Service Unavailable',
  'Content-Type: application/json;charset=utf-8',
  `Content-Length: ${body.length}`,
  'Connection: close',
  '',
  body,
].join('\r\n');

/**
 * Ends a connection whose bytes there is no room for.
 * @param isUnanswered nothing of the request that is cut off was answered, and no other answer is due before: it gets one
 */
export function cutOff(socket: Socket, isUnanswered: boolean): void {
  if (!isUnanswered || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.removeAllListeners('data');
  socket.end(answer, 'latin1');
  socket.once('end', () => socket.destroy());
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
