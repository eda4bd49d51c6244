import { Command, Redis } from 'ioredis';
import { setPatientTimeout } from '../patience.ts';

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
 * Makes the time-outs of ioredis patient, for connections that BullMQ makes too; test/shared/pause.test.ts tells if a new version does
 * not take it. Without this a process that was paused for longer than they are gives up every command under way and every connection,
 * though all has been answered.
 */
export function makeTimeoutsPatient(): void {
  const command = Command.prototype as unknown as CommandInside;
  command.setTimeout = function (this: CommandInside, timeoutMs) {
    this._commandTimeoutTimer ??= setPatientTimeout(() => {
      if (!this.isSettled) this.reject(new Error('Command timed out'));
    }, timeoutMs);
  };
  const redis = Redis.prototype as unknown as RedisInside;
  redis.setSocketTimeout = function (this: RedisInside) {
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
  };
}
