import { availableParallelism, loadavg } from 'node:os';

/** From here on a failure may be the machine's: processes wait for a core for more than half of their time. */
const busyLoad = 2;
/** However busy the machine is, a test that waits in vain has an end. */
const mostPatience = 8;

/** Processes of the last minute that ran or wanted to, per core. */
function loadPerCore(): number {
  return (loadavg()[0] ?? 0) / availableParallelism();
}

/** How much longer than on a quiet machine to wait for something: on a busy one the same work takes so many times as long. */
export function patience(): number {
  return Math.min(mostPatience, Math.max(1, loadPerCore()));
}

/** Notes how busy the machine gets. @returns what to say about it after a failure; undefined: it was not busy */
export function watchLoad(): { describe(): string | undefined; stop(): void } {
  let most = loadPerCore();
  const timer = setInterval(() => (most = Math.max(most, loadPerCore())), 5000);
  timer.unref();
  return {
    describe: () =>
      most < busyLoad
        ? undefined
        : `The machine was busy: up to ${most.toFixed(1)} processes for each core wanted to run. That may be the reason: tests wait longer then, but the ` +
          'server’s own time limits do not. Run the failed files again while nothing else runs: npm test -- test/….test.ts',
    stop: () => clearInterval(timer),
  };
}
