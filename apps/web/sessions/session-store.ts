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
  delete(id: string): void;
  clear(): void;
  untilOf(place: number): number;
  markOf(place: number): number;
  /** Without the skey before the last log-in, which is for the cache to accept. */
  read(place: number): Session;
  size(): number;
}

/** Room for the texts of a session: ids and hash of about 110 characters, and a profile of up to 600 or so. */
const cellBytes = 768;
/** Cells that are reserved at once, when they are first needed. */
const cellsPerBlock = 8192;
const none = -1;

const ascii = /^[ -~]{0,100}$/;

/** @param capacity sessions, at least 1 */
export function createSessionStore(capacity: number): SessionStore {
  const blocks: Buffer[] = [];
  /** Chains of the places whose ids have the same hash: the first of each, and the one after each. */
  const firsts = new Int32Array(2 ** Math.ceil(Math.log2(capacity + 1))).fill(none);
  const nexts = new Int32Array(capacity).fill(none);
  const chains = new Int32Array(capacity).fill(none);
  const numbers = {
    row: new Float64Array(capacity),
    createTime: new Float64Array(capacity),
    lastVisitTime: new Float64Array(capacity),
    fence: new Float64Array(capacity),
    until: new Float64Array(capacity),
    mark: new Float64Array(capacity),
    app: new Uint32Array(capacity),
  };
  const lengths = {
    id: new Uint8Array(capacity),
    skeyHash: new Uint8Array(capacity),
    openId: new Uint8Array(capacity),
    unionId: new Uint8Array(capacity),
    userInfo: new Uint16Array(capacity),
  };
  /** Appids by number: there are few, and each is in very many sessions. */
  const appids: string[] = [];
  let nextPlace = 0;
  let size = 0;

  const blockOf = (place: number): Buffer => {
    const index = Math.floor(place / cellsPerBlock);
    return (blocks[index] ??= Buffer.allocUnsafeSlow(Math.min(cellsPerBlock, capacity) * cellBytes));
  };
  const offsetOf = (place: number) => (place % cellsPerBlock) * cellBytes;

  const isOf = (place: number, id: string): boolean => {
    if (lengths.id[place] !== id.length) return false;
    const block = blockOf(place);
    const offset = offsetOf(place);
    for (let index = 0; index < id.length; index++) if (block[offset + index] !== id.charCodeAt(index)) return false;
    return true;
  };

  const find = (id: string): number => {
    let place = firsts[hashOf(id) & (firsts.length - 1)] as number;
    while (place !== none && !isOf(place, id)) place = nexts[place] as number;
    return place;
  };

  const free = (place: number): void => {
    const chain = chains[place] as number;
    if (chain === none) return;
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

  const write = (place: number, id: string, session: Session): void => {
    const block = blockOf(place);
    let at = offsetOf(place);
    const { skeyHash, openId, unionId, userInfoJson } = session;
    for (const text of [id, skeyHash, openId, unionId, userInfoJson]) at += block.write(text, at, 'latin1');
    lengths.id[place] = id.length;
    lengths.skeyHash[place] = skeyHash.length;
    lengths.openId[place] = openId.length;
    lengths.unionId[place] = unionId.length;
    lengths.userInfo[place] = userInfoJson.length;
    numbers.row[place] = session.row;
    numbers.createTime[place] = session.createTime;
    numbers.lastVisitTime[place] = session.lastVisitTime;
    numbers.fence[place] = session.fence;
    numbers.app[place] = numberOfAppid(session.appid);
  };

  return {
    find,
    put(id, session, until, mark) {
      // Whatever comes of it, what was here is older. And not in its place: what was read last shall stay longest.
      const earlier = find(id);
      if (earlier !== none) free(earlier);
      const { skeyHash, openId, unionId, userInfoJson } = session;
      const bytes = id.length + skeyHash.length + openId.length + unionId.length + userInfoJson.length;
      if (bytes > cellBytes || !isPlainId(id) || !ascii.test(openId) || !ascii.test(unionId)) return false;
      const place = nextPlace;
      nextPlace = (nextPlace + 1) % capacity;
      free(place);
      write(place, id, session);
      numbers.until[place] = until;
      numbers.mark[place] = mark;
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
      size = 0;
    },
    untilOf: (place) => numbers.until[place] as number,
    markOf: (place) => numbers.mark[place] as number,
    read(place) {
      const idEnd = lengths.id[place] as number;
      const hashEnd = idEnd + (lengths.skeyHash[place] as number);
      const openIdEnd = hashEnd + (lengths.openId[place] as number);
      const unionIdEnd = openIdEnd + (lengths.unionId[place] as number);
      const start = offsetOf(place);
      const end = start + unionIdEnd + (lengths.userInfo[place] as number);
      // Once, and then in slices: each reading of bytes costs more than a slice.
      const texts = blockOf(place).toString('latin1', start, end);
      return {
        skeyHash: texts.slice(idEnd, hashEnd),
        openId: texts.slice(hashEnd, openIdEnd),
        unionId: texts.slice(openIdEnd, unionIdEnd),
        userInfoJson: texts.slice(unionIdEnd),
        row: numbers.row[place] as number,
        createTime: numbers.createTime[place] as number,
        lastVisitTime: numbers.lastVisitTime[place] as number,
        fence: numbers.fence[place] as number,
        appid: appids[numbers.app[place] as number] as string,
      };
    },
    size: () => size,
  };
}

/** FNV-1a. Ids are random, and nobody but we choose those that are stored, so nobody can make chains long. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  // The low bits choose the chain.
  return (hash ^ (hash >>> 15)) >>> 0;
}
