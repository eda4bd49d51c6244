import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import pLimit from 'p-limit';
import { ApiProblem } from '../api/problem.ts';

/** Hashes passwords with argon2id, in threads beside the event loop. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** @param stored undefined: there is none; that takes the same time, and is always wrong */
  verify(stored: string | undefined, password: string): Promise<boolean>;
}

/** What OWASP asks for at least: 19 MiB, two passes. Each takes about 30 ms of one core. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** At once; more wait. So a crowd costs two threads and 38 MiB. */
const atOnce = 2;
/** Of those that wait; beyond it they are told to come back. */
const mostWaiting = 30;

export function createPasswords(): Passwords {
  const limit = pLimit(atOnce);
  const run = <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (limit.pendingCount < mostWaiting) return limit(work);
    throw new ApiProblem(503, 'busy', 'Too many people sign in at once.', { headers: { 'Retry-After': '2' } });
  };
  // Of a password that nobody knows.
  const nobodys = hash(randomBytes(32).toString('base64'), cost);
  nobodys.catch(() => undefined);
  return {
    hash: (password) => run(() => hash(password, cost)),
    verify: (stored, password) =>
      run(async () => {
        const isRight = await verify(stored ?? (await nobodys), password);
        return isRight && stored !== undefined;
      }),
  };
}
