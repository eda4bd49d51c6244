import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { repliesKey, repliesPurpose, type Reply } from '../../../shared/rpc/contract.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';

/** Reads the replies to this instance, each once, also those of a time without a connection. */
export interface ReplyReader {
  /** Removes what was read. */
  trim(): Promise<void>;
  close(): Promise<void>;
}

/** Redis answers at least this often, which is more often than a connection may be silent (shared/redis/connect.ts). */
const blockMs = 1000;
const maxMessages = 100;
/** What was read goes from the stream when the next replies come, at most this often. */
const trimIntervalMs = 1000;
const retryMs = 100;

/**
 * @param options.blocking a connection for this alone
 * @param options.onReply called for each reply, in their order
 */
export function readReplies(options: {
  readonly instance: string;
  readonly blocking: RedisClient;
  readonly commands: RedisClient;
  readonly seal: Seal;
  readonly onReply: (reply: Reply) => void;
}): ReplyReader {
  const { instance, blocking, commands, seal, onReply } = options;
  const key = repliesKey(instance);
  let isClosed = false;
  // The instance is new, and so is its stream.
  let lastId = '0';
  let trimmedId = lastId;
  let trimmedAt = 0;
  // Another server may have taken over, whose ids begin before those of the last one. What is read twice is answered already.
  blocking.on('ready', () => {
    lastId = '0';
  });

  const readOnce = async (): Promise<void> => {
    const found = await blocking.xread('COUNT', maxMessages, 'BLOCK', blockMs, 'STREAMS', key, lastId);
    for (const [id, fields] of found?.[0]?.[1] ?? []) {
      lastId = id;
      for (const reply of JSON.parse(seal.open(repliesPurpose(instance), fields[1] as string)) as Reply[])
        onReply(reply);
    }
    if (lastId === trimmedId || performance.now() - trimmedAt < trimIntervalMs) return;
    trimmedId = lastId;
    trimmedAt = performance.now();
    void commands.xtrim(key, 'MINID', lastId).catch(() => undefined);
  };
  const trim = async (): Promise<void> => {
    const last = lastId;
    await commands.xtrim(key, 'MINID', last);
    // The last one itself.
    await commands.xdel(key, last);
  };

  const read = async (): Promise<void> => {
    // A message that can't be opened is passed over: its callers wait until their deadline.
    while (!isClosed) await readOnce().catch(() => sleep(retryMs));
  };
  const reading = read();
  return {
    trim,
    async close() {
      isClosed = true;
      // Ends the wait for replies.
      blocking.disconnect();
      await reading;
      await commands.del(key).catch(() => undefined);
    },
  };
}
