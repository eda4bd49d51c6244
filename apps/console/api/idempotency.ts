import type { Context } from 'koa';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { Who } from '../accounts/who.ts';
import { ApiProblem } from './problem.ts';

interface Done {
  readonly status: number;
  readonly body: string;
}

/** Requests that change something, each done once however often it is sent with the same `Idempotency-Key`. */
export interface Idempotency {
  /**
   * @param asked what the body asks for, without what is secret for long: its fingerprint is quicker to try than a password's hash
   * @throws {ApiProblem} 409 idempotency_under_way, 422 idempotency_key_reused, and what `work` throws: nothing of that is kept
   */
  run(context: Context, who: Who | undefined, asked: string, work: () => Promise<Done>): Promise<Done>;
}

interface Kept {
  /** Fingerprint of method, path and body. */
  readonly request: string;
  /** undefined: it is under way. */
  readonly done?: Done;
}

const header = 'Idempotency-Key';
const shape = /^[\u0021-\u007E]{1,128}$/;
const prefix = 'wafer:console:done:';
const keptMs = 86_400_000;
/** What is under way for longer has died with its process. */
const underWayMs = 600_000;

/** Answers are kept sealed: there may be a key in them that is shown once. */
export function createIdempotency(commands: RedisClient, findSeal: () => Promise<Seal>): Idempotency {
  return {
    async run(context, who, asked, work) {
      const given = context.get(header);
      if (given === '' || who === undefined) return work();
      if (!shape.test(given))
        throw new ApiProblem(400, 'idempotency_key_invalid', `${header} takes 1 to 128 characters of ASCII.`);
      const seal = await findSeal();
      const request = seal.fingerprint('console request', context.method, context.url, asked);
      const key = prefix + seal.fingerprint('console idempotency', String(who.id), given);
      const sealed = (kept: Kept) => seal.seal(key, JSON.stringify(kept));
      if ((await commands.set(key, sealed({ request }), 'PX', underWayMs, 'NX')) !== null) {
        const done = await work().catch(async (error: unknown) => {
          await commands.del(key).catch(() => undefined);
          throw error;
        });
        // It is done, whether Redis hears of it or not.
        await commands.set(key, sealed({ request, done }), 'PX', keptMs).catch(() => undefined);
        return done;
      }
      const stored = await commands.get(key);
      const kept = stored === null ? { request } : openKept(seal, key, stored);
      // Nobody of ours wrote it, or the key was another then: nothing was done with this key.
      if (kept === undefined) {
        await commands.del(key);
        return this.run(context, who, asked, work);
      }
      if (kept.request !== request)
        throw new ApiProblem(422, 'idempotency_key_reused', `This ${header} came with another request before.`);
      if (kept.done === undefined)
        throw new ApiProblem(409, 'idempotency_under_way', 'The same request is under way.', {
          headers: { 'Retry-After': '1' },
        });
      context.set('Idempotency-Replayed', 'true');
      return kept.done;
    },
  };
}

function openKept(seal: Seal, key: string, stored: string): Kept | undefined {
  try {
    return JSON.parse(seal.open(key, stored)) as Kept;
  } catch {
    return undefined;
  }
}
