import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { ConfigError } from '../config/config.ts';
import { describeError, type Log } from '../log/log.ts';

/** A process that serves until it is told to stop. */
export interface Service {
  readonly log: Log;
  /** Finishes what is in flight, then closes everything. */
  close(): Promise<void>;
}

/** After this an orderly stop has failed. Shorter than what pm2 and containers wait before they kill. */
const forceQuitMs = 14_000;

/**
 * How much the heap grows beyond what lives, in per cent, until all of it is collected. V8 took 20 for web: a
 * collection every few seconds under load, and around each a tenth of a second in which checks take ten times as long.
 */
const heapGrowingPercent = 300;

/**
 * Runs a service as the process: starts it, stops it in order on SIGTERM (containers), SIGINT (pm2, Ctrl-C) or pm2's `shutdown`
 * message, and quits at once on a second signal. Exits 1 with every fault listed if the configuration can't be used.
 */
export async function runService(start: () => Promise<Service>): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`);
  let service: Service;
  try {
    service = await start();
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : describeStartError(error)}\n`);
    process.exit(1);
  }
  const { log } = service;

  let stopping = false;
  const stop = (why: string) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ why }, 'stopping');
    void setTimeout(forceQuitMs, undefined, { ref: false }).then(() => {
      log.error('did not stop in time');
      return process.exit(1);
    });
    service.close().then(
      async () => {
        log.info('stopped');
        await untilWritten();
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: describeError(error) }, 'did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('message', (message) => {
    if (message === 'shutdown') stop('shutdown message');
  });
  process.on('uncaughtException', (error) => {
    log.fatal({ err: describeError(error) }, 'bug: uncaught exception');
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => log.error({ err: describeError(error) }, 'bug: unhandled rejection'));
}

/** Tells pm2 that this process can take over. */
export function announceReady(): void {
  process.send?.('ready');
}

const writeTimeoutMs = 500;

/** pm2's cluster mode writes the log to its file later; the last line would be lost. */
async function untilWritten(): Promise<void> {
  await Promise.race([
    new Promise<void>((resolve) => void process.stdout.write('', () => resolve())),
    setTimeout(writeTimeoutMs),
  ]);
}

function describeStartError(error: unknown): string {
  const { name, message, errorCode } = describeError(error);
  return `could not start: ${name}: ${message}${errorCode === undefined ? '' : ` (${errorCode})`}`;
}
