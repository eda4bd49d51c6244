import type { Session } from '../../../shared/session/session.ts';
import { isPlainId } from '../../../shared/session/skey.ts';

/**
 * A fixed number of sessions outside the garbage-collected heap, the oldest of which makes room for the next. As objects, some hundred
 * thousand sessions cost a process a third of its time in collections; as bytes in cells of one size they cost none.
 */
export interface SessionStore {
  /** The place of a session, for the functions below; -1 if it is not here. Good until the next `put` or `delete`. */
  find(id: string): number;
  /**
   * @param until when it ends, in milliseconds of performance.now()
   * @param mark kept with it
   * @returns false if it is of a kind that has no room in a cell: a very long profile, an id that no log-in of ours made
   */
  put(id: string, session: Session, until: number, mark: number): boolean;
  /** Nothing of it stays in memory. */
  delete(id: string): void;
  /** Nothing of any session stays in memory, not even in what is given back. */
  clear(): void;
  untilOf(place: number): number;
  markOf(place: number): number;
  /** Without the skey before the last log-in, which is for the cache to accept. */
  read(place: number): Session;
  size(): number;
}

/** Room for a session: its numbers, its ids and hash of about 110 characters, and a profile of up to 590 or so. */
const cellBytes = 768;
/** Cells that are reserved at once, when they are first needed. */
const cellsPerBlock = 8192;

/**
 * What a cell holds. Everything about a session lies together: to look at it in one place, of hundreds of megabytes, is one wait for memory;
 * with an array for each number it was a dozen.
 */
const doublesPerCell = cellBytes / 8;
const double = { row: 0, createTime: 1, lastVisitTime: 2, fence: 3, until: 4, mark: 5 } as const;
const shortsPerCell = cellBytes / 2;
const short = { app: 24, id: 25, skeyHash: 26, openId: 27, unionId: 28, userInfo: 29 } as const;
const textStart = 64;

interface Block {
  readonly bytes: Buffer;
  readonly doubles: Float64Array;
  /** The app by its number, and the lengths of the texts. */
  readonly shorts: Uint16Array;
}

const none = -1;

const ascii = /^[ -~]{0,100}$/;

/** @param capacity sessions, at least 1 */
export function createSessionStore(capacity: number): SessionStore {
  const blocks: Block[] = [];
  /** Chains of the places whose ids have the same hash: the first of each, and the one after each. */
  const firsts = new Int32Array(2 ** Math.ceil(Math.log2(capacity + 1))).fill(none);
  const nexts = new Int32Array(capacity).fill(none);
  const chains = new Int32Array(capacity).fill(none);
  /** Appids by number: there are few, and each is in very many sessions. */
  const appids: string[] = [];
  let nextPlace = 0;
  let size = 0;

  const blockOf = (place: number): Block =>
    (blocks[Math.floor(place / cellsPerBlock)] ??= createBlock(Math.min(cellsPerBlock, capacity)));

  const isOf = (place: number, id: string): boolean => {
    const { bytes, shorts } = blockOf(place);
    const cell = place % cellsPerBlock;
    if (shorts[cell * shortsPerCell + short.id] !== id.length) return false;
    const offset = cell * cellBytes + textStart;
    for (let index = 0; index < id.length; index++) if (bytes[offset + index] !== id.charCodeAt(index)) return false;
    return true;
  };

  const find = (id: string): number => {
    let place = firsts[hashOf(id) & (firsts.length - 1)] as number;
    while (place !== none && !isOf(place, id)) place = nexts[place] as number;
    return place;
  };

  /** Nothing stays of what was there. */
  const wipe = (place: number): void => {
    const start = (place % cellsPerBlock) * cellBytes;
    blockOf(place).bytes.fill(0, start, start + cellBytes);
  };

  const free = (place: number): void => {
    const chain = chains[place] as number;
    if (chain === none) return;
    wipe(place);
    const after = nexts[place] as number;
    if (firsts[chain] === place) firsts[chain] = after;
    else {
      let before = firsts[chain] as number;
      while (nexts[before] !== place) before = nexts[before] as number;
      nexts[before] = after;
    }
    chains[place] = none;
    size--;
  };

  const numberOfAppid = (appid: string): number => {
    const known = appids.indexOf(appid);
    return known < 0 ? appids.push(appid) - 1 : known;
  };

  const write = (place: number, id: string, session: Session, until: number, mark: number): void => {
    const { bytes, doubles, shorts } = blockOf(place);
    const cell = place % cellsPerBlock;
    const { skeyHash, openId, unionId, userInfoJson } = session;
    let at = cell * cellBytes + textStart;
    for (const text of [id, skeyHash, openId, unionId, userInfoJson]) at += bytes.write(text, at, 'latin1');
    shorts.set(
      [numberOfAppid(session.appid), id.length, skeyHash.length, openId.length, unionId.length, userInfoJson.length],
      cell * shortsPerCell + short.app,
    );
    const { row, createTime, lastVisitTime, fence } = session;
    doubles.set([row, createTime, lastVisitTime, fence, until, mark], cell * doublesPerCell);
  };

  const doubleOf = (place: number, which: number): number =>
    blockOf(place).doubles[(place % cellsPerBlock) * doublesPerCell + which] as number;

  return {
    find,
    put(id, session, until, mark) {
      // Drop any older copy first. The new one gets a new cell: eviction is by insertion order.
      const earlier = find(id);
      if (earlier !== none) free(earlier);
      const { skeyHash, openId, unionId, userInfoJson } = session;
      const bytes = id.length + skeyHash.length + openId.length + unionId.length + userInfoJson.length;
      if (bytes > cellBytes - textStart || !isPlainId(id) || !ascii.test(openId) || !ascii.test(unionId)) return false;
      const place = nextPlace;
      nextPlace = (nextPlace + 1) % capacity;
      free(place);
      write(place, id, session, until, mark);
      const chain = hashOf(id) & (firsts.length - 1);
      nexts[place] = firsts[chain] as number;
      firsts[chain] = place;
      chains[place] = chain;
      size++;
      return true;
    },
    delete(id) {
      const place = find(id);
      if (place !== none) free(place);
    },
    clear() {
      firsts.fill(none);
      chains.fill(none);
      // What is given back is not wiped by anybody else until somebody needs it.
      for (const { bytes } of blocks) bytes.fill(0);
      blocks.length = 0;
      nextPlace = 0;
      size = 0;
    },
    untilOf: (place) => doubleOf(place, double.until),
    markOf: (place) => doubleOf(place, double.mark),
    read(place) {
      const { bytes, doubles, shorts } = blockOf(place);
      const cell = place % cellsPerBlock;
      const lengths = cell * shortsPerCell;
      const idEnd = shorts[lengths + short.id] as number;
      const hashEnd = idEnd + (shorts[lengths + short.skeyHash] as number);
      const openIdEnd = hashEnd + (shorts[lengths + short.openId] as number);
      const unionIdEnd = openIdEnd + (shorts[lengths + short.unionId] as number);
      const start = cell * cellBytes + textStart;
      const end = start + unionIdEnd + (shorts[lengths + short.userInfo] as number);
      // Once, and then in slices: each reading of bytes costs more than a slice.
      const texts = bytes.toString('latin1', start, end);
      const numbers = cell * doublesPerCell;
      return {
        skeyHash: texts.slice(idEnd, hashEnd),
        openId: texts.slice(hashEnd, openIdEnd),
        unionId: texts.slice(openIdEnd, unionIdEnd),
        userInfoJson: texts.slice(unionIdEnd),
        row: doubles[numbers + double.row] as number,
        createTime: doubles[numbers + double.createTime] as number,
        lastVisitTime: doubles[numbers + double.lastVisitTime] as number,
        fence: doubles[numbers + double.fence] as number,
        appid: appids[shorts[lengths + short.app] as number] as string,
      };
    },
    size: () => size,
  };
}

function createBlock(cells: number): Block {
  const bytes = Buffer.allocUnsafeSlow(cells * cellBytes);
  return { bytes, doubles: new Float64Array(bytes.buffer), shorts: new Uint16Array(bytes.buffer) };
}

/** FNV-1a. Ids are random, and nobody but we choose those that are stored, so nobody can make chains long. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  // The low bits choose the chain.
  return (hash ^ (hash >>> 15)) >>> 0;
}
