import { Command, Redis } from 'ioredis';
import { setPatientTimeout } from '../async/patience.ts';

/** What is needed of the inside of ioredis 6. */
interface CommandInside {
  readonly isSettled: boolean;
  _commandTimeoutTimer?: NodeJS.Timeout;
  reject(error: Error): void;
  setTimeout(timeoutMs: number): void;
}

interface RedisInside {
  readonly options: { readonly socketTimeout: number };
  readonly stream: NodeJS.ReadableStream & { destroy(error: Error): void };
  readonly commandQueue: { readonly length: number };
  socketTimeoutTimer: NodeJS.Timeout | undefined;
  setSocketTimeout(): void;
}

/**
 * Makes the time-outs of ioredis patient, for all its connections, since Cluster and BullMQ make some by themselves; once is enough.
 * Without this a process that was paused for longer than they are gives up every command under way and every connection, though all has
 * been answered. test/shared/async/patience.test.ts tells if a new version does not take it.
 */
export function makeTimeoutsPatient(): void {
  (Command.prototype as unknown as CommandInside).setTimeout = limitCommand;
  (Redis.prototype as unknown as RedisInside).setSocketTimeout = limitSilence;
}

function limitCommand(this: CommandInside, timeoutMs: number): void {
  this._commandTimeoutTimer ??= setPatientTimeout(() => {
    if (!this.isSettled) this.reject(new Error('Command timed out'));
  }, timeoutMs);
}

/** Ends the connection if nothing is received while commands wait. */
function limitSilence(this: RedisInside): void {
  const { stream } = this;
  const timer = setPatientTimeout(() => {
    if (this.socketTimeoutTimer !== timer) return;
    this.socketTimeoutTimer = undefined;
    stream.destroy(new Error(`nothing received within ${this.options.socketTimeout} ms`));
  }, this.options.socketTimeout);
  this.socketTimeoutTimer = timer;
  stream.once('data', () => {
    clearTimeout(this.socketTimeoutTimer);
    this.socketTimeoutTimer = undefined;
    if (this.commandQueue.length > 0) this.setSocketTimeout();
  });
}
