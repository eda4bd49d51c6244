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

/** Of WeChat's answer to a code, what tells whose it is. */
interface KnownRecord {
  readonly openId?: string;
  readonly appid?: string;
  readonly newId?: string;
}

/** Looks at every key but those of cached sessions, in one pass for all who are wanted. */
export async function visitTraces(
  { commands, seal }: { readonly commands: RedisClient; readonly seal: Seal },
  wanted: readonly Traces[],
  visitor: TraceVisitor,
): Promise<void> {
  const whole = wanted.filter(({ part }) => part === 'everything');
  const ids = new Set(whole.flatMap((each) => each.ids));
  const phoneOwners = new Set(
    wanted.flatMap(({ part, users }) => (part === 'profile' ? [] : users.map((user) => phoneOwnerOf(seal, user)))),
  );
  const isAbout = createMention(wanted);
  /** Their calls, by instance and number: an answer need not name whom it is about. */
  const asked = new Set<string>();
  /** Records of earlier versions do not tell the app. */
  const isTheirs = ({ openId, appid, newId }: KnownRecord): boolean =>
    (newId !== undefined && ids.has(newId)) ||
    whole.some(
      (each) =>
        openId !== undefined &&
        each.openIds.includes(openId) &&
        (appid === undefined || each.appid === undefined || appid === each.appid),
    );

  const visitCode = async (key: string): Promise<void> => {
    const stored = (await commands.hget(key, 'answer')) ?? '';
    if (!stored.startsWith('r')) return;
    const record = open(seal, codeRecordPurpose(key), stored.slice(1)) as KnownRecord | undefined;
    if (record !== undefined && isTheirs(record)) await visitor.code({ key, stored });
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
    const theirs = calls.filter(({ request }) => isAbout.request(request));
    const others = calls.filter((call) => !theirs.includes(call));
    for (const { id } of theirs) asked.add(`${job.replyTo} ${id}`);
    if (theirs.length > 0) await visitor.calls({ key, stored, job, purpose, theirs, others });
  };

  const visitReplies = async (key: string): Promise<void> => {
    const instance = key.slice(repliesPrefix.length);
    const purpose = repliesPurpose(instance);
    for (const [id, [, sealed = '']] of await commands.xrange(key, '-', '+')) {
      const replies = (open(seal, purpose, sealed) ?? []) as Reply[];
      const theirs = replies.filter(
        ([call, response]) => asked.has(`${instance} ${call}`) || isAbout.response(response),
      );
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

  // Calls before their answers.
  for (const pattern of ['{wafer:*', `${phoneKeyPrefix}*`, `${repliesPrefix}*`])
    for await (const keys of scanKeys(commands, pattern)) await Promise.all(keys.map(visitKey));
}

interface Mention {
  readonly request: (request: object) => boolean;
  readonly response: (response: Outcome) => boolean;
}

/**
 * Whether a call or an answer is about one of these persons. Whole values are compared, in the fields that name somebody: what a client or
 * WeChat wrote as text may have any word in it.
 */
function createMention(wanted: readonly Traces[]): Mention {
  const rows = new Set(wanted.flatMap((each) => each.rows));
  const ids = new Set(wanted.flatMap((each) => each.ids));
  const skeyHashes = new Set(wanted.flatMap((each) => each.skeyHashes));
  const isMeant = ({ openId, unionId, appid }: Named): boolean =>
    wanted.some(
      (each) =>
        (appid === undefined || each.appid === undefined || each.appid === appid) &&
        ((openId !== undefined && each.openIds.includes(openId)) ||
          (unionId !== undefined && each.unionIds.includes(unionId))),
    );
  return {
    request(request) {
      const { row, id, skeyHash, openId, appid } = request as Readonly<Record<string, unknown>>;
      return (
        (typeof row === 'number' && rows.has(row)) ||
        (typeof id === 'string' && ids.has(id)) ||
        (typeof skeyHash === 'string' && skeyHashes.has(skeyHash)) ||
        isMeant({ openId: asText(openId), appid: asText(appid) })
      );
    },
    response(response) {
      if (!response.ok) return false;
      const data = readData(response.dataJson);
      const { id, skey } = (data ?? {}) as Readonly<Record<string, unknown>>;
      // Of a log-in: the session tells whose it is, in which app.
      if (typeof id === 'string' && typeof skey === 'string') return ids.has(id);
      return findNamed(data).some(isMeant);
    },
  };
}

/** How data name a user. */
interface Named {
  readonly openId?: string | undefined;
  readonly unionId?: string | undefined;
  readonly appid?: string | undefined;
}

/** Everybody whom data name, at any depth, with the app of the watermark beside the name. */
function findNamed(value: unknown): Named[] {
  if (typeof value !== 'object' || value === null) return [];
  const { openId, unionId, watermark } = value as Readonly<Record<string, unknown>>;
  const { appid } = (watermark ?? {}) as Readonly<Record<string, unknown>>;
  const own = { openId: asText(openId), unionId: asText(unionId), appid: asText(appid) };
  return [own, ...Object.values(value).flatMap(findNamed)];
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function readData(dataJson: string): unknown {
  try {
    return JSON.parse(dataJson);
  } catch {
    return undefined;
  }
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
