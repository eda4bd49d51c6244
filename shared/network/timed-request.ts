import type { Dispatcher } from 'undici';
import { setPatientTimeout } from '../async/patience.ts';

/**
 * A request that is handed to undici's `dispatch`, with one time-out from the wait for a connection to the end of the answer: what undici's
 * `request` and `fetch` put around it, streams and signals, takes several times its processor time.
 */
export abstract class TimedRequest<End> implements Dispatcher.DispatchHandler {
  readonly #resolve: (end: End) => void;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #hasEnded = false;
  #status = 0;

  /** @param resolve is told once how it has ended */
  constructor(timeoutMs: number, resolve: (end: End) => void) {
    this.#resolve = resolve;
    this.#timer = setPatientTimeout(() => this.#giveUp(), timeoutMs);
  }

  protected abstract onAnswer(status: number): End;
  protected abstract onTimeout(): End;
  /** @param error may quote the path in its message, with whatever is secret there */
  protected abstract onFailure(error: Error): End;

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It waited for a connection until its time was over: now it must not be sent any more.
    if (this.#hasEnded) controller.abort(new Error('too late'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  /** What is answered beside the status is dropped, unless a subclass keeps it. */
  onResponseData(_controller: Dispatcher.DispatchController, _chunk: Buffer): void {}

  onResponseEnd(): void {
    this.#end(this.onAnswer(this.#status));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end(this.onFailure(error));
  }

  #giveUp(): void {
    if (this.#hasEnded) return;
    this.#end(this.onTimeout());
    this.#controller?.abort(new Error('too late'));
  }

  #end(end: End): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#resolve(end);
  }
}
