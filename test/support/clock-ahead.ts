/** For all of this process, and so for a console that is in it. */
export async function withClockAhead(ms: number, work: () => Promise<unknown>): Promise<void> {
  const { now } = Date;
  Date.now = () => now() + ms;
  try {
    await work();
  } finally {
    Date.now = now;
  }
}
