import { hashSkey } from '../session/skey.ts';
import type { Seal } from '../rpc/seal.ts';
import type { AppUser } from '../rpc/ledger-keys.ts';
import type { Actor } from '../store/audit.ts';
import type { PersonRow, PersonSelector } from './person.ts';

/** What is to go: all of it; name and picture; or a phone number, which is kept for ten minutes at most. */
export type ErasurePart = 'everything' | 'profile' | 'phone';

/** What was found of a person in MySQL. */
export interface ErasedRows {
  readonly sessions: number;
  /** Rows of cWaferDropped. */
  readonly dropped: number;
  /** Entries of the audit log that named the person. */
  readonly audit: number;
}

/** What somebody wants erased. */
export interface ErasureOrder {
  readonly part: ErasurePart;
  readonly person: PersonSelector;
  readonly actor: Actor;
  /** For the audit log: `user erase`, … */
  readonly action: string;
  /** As in {@link Erasure}, of an order that came before; undefined: now. */
  readonly orderedAtUs?: number;
}

/** All by which traces of persons are known. */
export interface Traces {
  readonly part: ErasurePart;
  /** The one app that is meant; undefined: all. */
  readonly appid?: string | undefined;
  readonly users: readonly AppUser[];
  readonly openIds: readonly string[];
  readonly unionIds: readonly string[];
  readonly ids: readonly string[];
  readonly rows: readonly number[];
  readonly skeyHashes: readonly string[];
}

/**
 * An order with what is known of its person; MySQL keeps it, sealed, until all of that is gone. So whoever takes it up after a crash knows
 * what to look for when the rows are gone.
 */
export interface Erasure extends Traces {
  readonly actor: Actor;
  readonly action: string;
  /** Stands for the person where the person must not: in the audit log. */
  readonly label: string;
  /** By Redis's clock, in microseconds since 1970. */
  readonly orderedAtUs: number;
  /** What was found in MySQL, where nothing of it is any more. */
  readonly erased?: ErasedRows;
  /** How often a worker has failed at it. */
  readonly failures?: number;
}

/** Stands for a person in the audit log: the same for the same question, and of no use to who finds it. */
export function labelOf(seal: Seal, { openId, unionId, appid = '' }: PersonSelector): string {
  return openId === undefined
    ? seal.fingerprint('erased unionId', unionId, appid)
    : seal.fingerprint('erased openId', openId, appid);
}

/** What is known of a person before any row is. */
export function firstTraces(part: ErasurePart, { unionId, appid }: PersonSelector, openIds: readonly string[]): Traces {
  const unionIds = unionId === undefined ? [] : [unionId];
  return { part, appid, openIds, unionIds, users: [], ids: [], rows: [], skeyHashes: [] };
}

/** Adds rows to what is known of a person. @param appids of all apps whose user it may be */
export function withRows<Known extends Traces>(
  erasure: Known,
  rows: readonly PersonRow[],
  appids: readonly string[],
): Known {
  const apps = erasure.appid === undefined ? [...appids, ...rows.map(({ appid }) => appid)] : [erasure.appid];
  const openIds = unite(
    erasure.openIds,
    rows.map(({ openId }) => openId),
  );
  return {
    ...erasure,
    openIds,
    users: uniteUsers(
      erasure.users,
      openIds.flatMap((openId) => [...new Set(apps)].map((appid) => ({ appid, openId }))),
    ),
    unionIds: unite(
      erasure.unionIds,
      rows.map(({ unionId }) => unionId).filter((unionId) => unionId !== ''),
    ),
    ids: unite(
      erasure.ids,
      rows.map(({ id }) => id),
    ),
    rows: unite(
      erasure.rows,
      rows.map(({ row }) => row),
    ),
    skeyHashes: unite(
      erasure.skeyHashes,
      rows.flatMap(({ skeys }) => skeys.map(hashSkey)),
    ),
  };
}

/** An order that was not finished belongs to the next one of the same kind. */
export function withEarlier(erasure: Erasure, earlier: Erasure | undefined): Erasure {
  if (earlier === undefined) return erasure;
  return {
    ...erasure,
    users: uniteUsers(erasure.users, earlier.users),
    openIds: unite(erasure.openIds, earlier.openIds),
    unionIds: unite(erasure.unionIds, earlier.unionIds),
    ids: unite(erasure.ids, earlier.ids),
    rows: unite(erasure.rows, earlier.rows),
    skeyHashes: unite(erasure.skeyHashes, earlier.skeyHashes),
    orderedAtUs: Math.max(erasure.orderedAtUs, earlier.orderedAtUs),
  };
}

function unite<Item>(left: readonly Item[], right: readonly Item[]): Item[] {
  return [...new Set([...left, ...right])];
}

function uniteUsers(left: readonly AppUser[], right: readonly AppUser[]): AppUser[] {
  const users = [...left, ...right].map((user): [string, AppUser] => [`${user.appid}\0${user.openId}`, user]);
  return [...new Map(users).values()];
}
