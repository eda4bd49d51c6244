/** Waits for work, but no longer than this; then `onTooLong` is told, and the work goes on behind the caller's back. */
export async function waitAtMost(limitMs: number, work: Promise<void>, onTooLong: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      onTooLong();
      resolve();
    }, limitMs);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

/** @returns undefined if it fails or takes longer */
export function soon<Value>(promise: Promise<Value>, ms: number): Promise<Value | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, undefined);
    promise.then(resolve, () => resolve(undefined)).finally(() => clearTimeout(timer));
  });
}

/**
 * A time-out that fires one turn of the event loop late, after pending reads: what has arrived by then counts. When a
 * process goes on after a pause (stopped, without a processor, busy), its timers are due before its sockets are read.
 * @param onTimeout has to look whether it is too late: it runs one turn after the timer, which then can't be cleared any more
 */
export function setPatientTimeout(onTimeout: () => void, timeoutMs: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(onTimeout), timeoutMs);
}

/** The same for the 'timeout' of a socket: what is read in the turn after it counts, and starts the socket's time anew. */
export function ifStillSilent(socket: { readonly bytesRead: number }, onSilence: () => void): void {
  const { bytesRead } = socket;
  setImmediate(() => {
    if (socket.bytesRead === bytesRead) onSilence();
  });
}
