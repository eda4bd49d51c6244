import type { RedisClient } from '../redis/connect.ts';
import { scanKeys } from '../redis/scan-keys.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { callsPurpose, repliesPurpose, type Call, type CallJob, type Reply } from '../rpc/contract.ts';
import { codeRecordPurpose, isCodeKey, phoneKeyPrefix, phoneOwnerOf, phonePurpose } from '../rpc/ledger-keys.ts';
import type { Seal } from '../rpc/seal.ts';
import type { Traces } from './order.ts';

/** Gets each trace of persons that lies sealed in the queue's Redis. */
export interface TraceVisitor {
  /** WeChat's answer to a code. @property stored the field as it was read */
  code(found: { readonly key: string; readonly stored: string }): unknown;
  phone(found: { readonly key: string; readonly stored: string; readonly outcome: Outcome }): unknown;
  /** A job, waiting or done, some of whose calls are about them. */
  calls(found: {
    readonly key: string;
    readonly stored: string;
    readonly job: CallJob;
    readonly purpose: string;
    readonly theirs: readonly Call[];
    readonly others: readonly Call[];
  }): unknown;
  /** A message to a front end. */
  replies(found: {
    readonly key: string;
    readonly id: string;
    readonly purpose: string;
    readonly theirs: readonly Reply[];
    readonly others: readonly Reply[];
  }): unknown;
}

/** `prefix:queue:id` */
const jobKey = /^\{wafer:(?:login|session):\d+\}:(?:login|session):(c[\w-]{16})$/;
const repliesPrefix = 'wafer:replies:';

/** Looks at every key but those of cached sessions, in one pass for all who are wanted. */
export async function visitTraces(
  { commands, seal }: { readonly commands: RedisClient; readonly seal: Seal },
  wanted: readonly Traces[],
  visitor: TraceVisitor,
): Promise<void> {
  const openIds = new Set(wanted.flatMap((each) => (each.part === 'everything' ? each.openIds : [])));
  const phoneOwners = new Set(
    wanted.flatMap(({ part, users }) => (part === 'profile' ? [] : users.map((user) => phoneOwnerOf(seal, user)))),
  );
  const isAbout = createMention(wanted);

  const visitCode = async (key: string): Promise<void> => {
    const stored = (await commands.hget(key, 'answer')) ?? '';
    if (!stored.startsWith('r')) return;
    const record = open(seal, codeRecordPurpose(key), stored.slice(1)) as { openId?: string } | undefined;
    if (record?.openId !== undefined && openIds.has(record.openId)) await visitor.code({ key, stored });
  };

  const visitPhone = async (key: string): Promise<void> => {
    const [user, stored] = await commands.hmget(key, 'user', 'outcome');
    if (!user || !stored || !phoneOwners.has(user)) return;
    const outcome = open(seal, phonePurpose(key), stored) as Outcome | undefined;
    if (outcome !== undefined) await visitor.phone({ key, stored, outcome });
  };

  const visitJob = async (key: string, jobId: string): Promise<void> => {
    const stored = await commands.hget(key, 'data');
    const job = stored ? readJob(stored) : undefined;
    if (!stored || job === undefined) return;
    const purpose = callsPurpose(job.replyTo, jobId);
    const calls = (open(seal, purpose, job.calls) ?? []) as Call[];
    const theirs = calls.filter(({ request }) => isAbout(request));
    const others = calls.filter((call) => !theirs.includes(call));
    if (theirs.length > 0) await visitor.calls({ key, stored, job, purpose, theirs, others });
  };

  const visitReplies = async (key: string): Promise<void> => {
    const purpose = repliesPurpose(key.slice(repliesPrefix.length));
    for (const [id, [, sealed = '']] of await commands.xrange(key, '-', '+')) {
      const replies = (open(seal, purpose, sealed) ?? []) as Reply[];
      const theirs = replies.filter(([, response]) => isAbout(response));
      const others = replies.filter((reply) => !theirs.includes(reply));
      if (theirs.length > 0) await visitor.replies({ key, id, purpose, theirs, others });
    }
  };

  const visitKey = async (key: string): Promise<void> => {
    const jobId = jobKey.exec(key)?.[1];
    if (jobId !== undefined) await visitJob(key, jobId);
    else if (isCodeKey(key)) await visitCode(key);
    else if (key.startsWith(phoneKeyPrefix)) await visitPhone(key);
    else if (key.startsWith(repliesPrefix)) await visitReplies(key);
  };

  for (const pattern of ['{wafer:*', `${phoneKeyPrefix}*`, `${repliesPrefix}*`])
    for await (const keys of scanKeys(commands, pattern)) await Promise.all(keys.map(visitKey));
}

/** Whether a call or an answer is about one of these persons, by whatever names them. */
function createMention(wanted: readonly Traces[]): (message: object) => boolean {
  const rows = new Set(wanted.flatMap((each) => each.rows));
  const names = wanted
    .flatMap(({ openIds, unionIds, ids, skeyHashes }) => [openIds, unionIds, ids, skeyHashes].flat())
    .filter((name) => name !== '')
    .map((name) => JSON.stringify(name).slice(1, -1));
  return (message) => {
    const { row } = message as { readonly row?: unknown };
    if (typeof row === 'number' && rows.has(row)) return true;
    const text = JSON.stringify(message);
    return names.some((name) => text.includes(name));
  };
}

/** @returns undefined if it was sealed for something else, or is damaged */
function open(seal: Seal, purpose: string, sealed: string): unknown {
  try {
    return JSON.parse(seal.open(purpose, sealed));
  } catch {
    return undefined;
  }
}

function readJob(data: string): CallJob | undefined {
  try {
    const { replyTo, calls } = JSON.parse(data) as Partial<CallJob>;
    return typeof replyTo === 'string' && typeof calls === 'string' ? { replyTo, calls } : undefined;
  } catch {
    return undefined;
  }
}
