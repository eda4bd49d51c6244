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
