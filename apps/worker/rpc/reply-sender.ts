import { createGrouper, type Grouper } from '../../../shared/async/grouper.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { defineScript } from '../../../shared/redis/script.ts';
import { repliesKey, repliesPurpose, type Reply } from '../../../shared/rpc/contract.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';

/** A reply and the instance that waits for it. */
export interface AddressedReply {
  readonly replyTo: string;
  readonly reply: Reply;
}

/** Replies outlive every caller's patience, should their reader be away; a reader that is dead leaves nothing behind. */
const repliesTtlMs = 60_000;
const maxRepliesPerMessage = 64;

/** One command instead of two: each is a write that wakes Redis, and an answer that wakes us. */
const replyScript = `
redis.call('XADD', KEYS[1], '*', 'r', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** Puts replies into the streams of those who wait; the ones that are ready together, together. */
export function createReplySender(commands: RedisClient, seal: Seal): Grouper<AddressedReply> {
  const put = defineScript(commands, 'waferReply', replyScript);
  return createGrouper<AddressedReply>(maxRepliesPerMessage, async (messages) => {
    const byInstance = new Map<string, Reply[]>();
    for (const { replyTo, reply } of messages) {
      const replies = byInstance.get(replyTo);
      if (replies === undefined) byInstance.set(replyTo, [reply]);
      else replies.push(reply);
    }
    // Each instance's stream has a slot of its own.
    await Promise.all(
      [...byInstance].map(async ([instance, replies]) => {
        const sealed = seal.seal(repliesPurpose(instance), JSON.stringify(replies));
        await put([repliesKey(instance)], [sealed, repliesTtlMs]);
      }),
    );
  });
}
