import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Context } from 'koa';
import type { z } from 'zod';
import { requestIdOf } from '../../../shared/http/request-id.ts';
import { describeError, type Log } from '../../../shared/log/log.ts';
import type { ServerEvent, StreamType } from './route.ts';
import { findProblem, internalProblem } from './to-problem.ts';

/** A proxy or a browser gives up a connection on which nothing comes. */
const commentEveryMs = 15_000;
/** What fails at once fails as every request does; who waits longer for a first item is told that the stream is open. */
const firstItemMs = 1000;

interface Opened {
  readonly type: StreamType;
  readonly items: AsyncIterable<unknown>;
  readonly answer: z.ZodType;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Makes the items the body of the answer. */
export async function openStream(context: Context, { type, items, answer, signal, log }: Opened): Promise<void> {
  // Of who has left before it began, or may have no more.
  context.body = '';
  if (signal.aborted) return;
  const iterator = items[Symbol.asyncIterator]();
  const first = iterator.next();
  let next = first;
  const release = () => {
    // It may be waiting for what does not come any more.
    next.catch(() => undefined);
    iterator.return?.(undefined).catch(() => undefined);
  };
  // Not at the end of what is written: that may never have begun, or wait for somebody who does not read.
  signal.addEventListener('abort', release, { once: true });
  if ((await race(first, firstItemMs, signal)) === 'ended') return;
  const render = type === 'text/event-stream' ? renderEvent : renderLine;
  const requestId = requestIdOf(context);
  const write = async function* () {
    if (type === 'text/event-stream') yield ': open\n\n';
    try {
      while (!signal.aborted) {
        const item = await race(next, commentEveryMs, signal);
        if (item === 'late') {
          if (type === 'text/event-stream') yield ': still here\n\n';
          continue;
        }
        if (item === 'ended' || item.done === true) return;
        yield render(item.value, answer);
        next = iterator.next();
      }
    } catch (error) {
      const problem = findProblem(error);
      if (problem === undefined) log.error({ requestId, err: describeError(error) }, 'bug: stream failed');
      const { code, message } = problem ?? internalProblem();
      const told = { code, detail: message, requestId };
      yield type === 'text/event-stream'
        ? `event: problem\ndata: ${JSON.stringify(told)}\n\n`
        : `${JSON.stringify({ problem: told })}\n`;
    }
  };
  const body = Readable.from(write(), { objectMode: false });
  body.once('close', release);
  context.set('X-Accel-Buffering', 'no');
  context.body = body;
}

/** @returns `late` after that time, `ended` once the signal is aborted */
async function race<Item>(
  item: Promise<Item>,
  ms: number,
  signal: AbortSignal,
): Promise<Awaited<Item> | 'late' | 'ended'> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  try {
    return await Promise.race([
      item,
      setTimeout(ms, 'late' as const, { signal: either }).catch(() => 'ended' as const),
    ]);
  } finally {
    done.abort();
  }
}

function renderEvent(item: unknown, answer: z.ZodType): string {
  const { event, id, data } = item as ServerEvent;
  const lines = [
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    `data: ${JSON.stringify(answer.parse(data))}`,
  ];
  return `${lines.join('\n')}\n\n`;
}

function renderLine(item: unknown, answer: z.ZodType): string {
  return `${JSON.stringify(answer.parse(item))}\n`;
}
