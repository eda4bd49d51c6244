import { isUnattended } from './attendance.ts';
import { Problem, readProblem } from './problem.ts';

const base = '/api/v1';
const timeoutMs = 20_000;

/** Called when the console does not know us any more: the sign-in is over. */
let onSignedOut: () => void = () => undefined;

export function whenSignedOut(call: () => void): void {
  onSignedOut = call;
}

export interface AskOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** The same for every try of one act: the console carries it out once. */
  readonly idempotencyKey?: string;
  /** A 401 is an answer, as while somebody signs in. */
  readonly mayBeSignedOut?: boolean;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Asks the console. @throws {Problem} */
export async function ask<Answer>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  { query, body, signal, idempotencyKey, mayBeSignedOut = false }: AskOptions = {},
): Promise<Answer> {
  const late = AbortSignal.timeout(timeoutMs);
  const response = await fetch(addressOf(path, query), {
    method,
    headers: {
      accept: 'application/json',
      // Forms of other pages can't send this header.
      ...(method === 'GET' ? {} : { 'x-wafer-console': '1' }),
      ...(isUnattended() ? { 'x-wafer-unattended': '1' } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    cache: 'no-store',
    signal: signal === undefined ? late : AbortSignal.any([signal, late]),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw new Problem(0, late.aborted ? 'late' : 'no_answer', '');
  });
  if (!response.ok) {
    const problem = await readProblem(response);
    if (response.status === 401 && !mayBeSignedOut) onSignedOut();
    throw problem;
  }
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

export function addressOf(path: string, query: Query = {}): string {
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, String(value)]],
    ),
  ).toString();
  return `${base}${path}${search === '' ? '' : `?${search}`}`;
}

/** A name for one act, for `idempotencyKey`. `crypto.randomUUID` is not there on plain HTTP. */
export function createActKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
