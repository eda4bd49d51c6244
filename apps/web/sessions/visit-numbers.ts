import type { Visit } from '../../../shared/session/visit-log.ts';

// A front end notes ten thousand visits a second, and keeps each for up to a second. As objects they were a third of what V8 had to move to
// where only a full collection frees it; as numbers in arrays of one piece they are none of its business.

/** Visits in the order in which they came. */
export interface VisitList {
  push(row: number, time: number, base: number): void;
  /** All, from the oldest on: the list is empty then. */
  drain(): Visit[];
  /** The last one of this row. Slow. */
  findLast(row: number): Visit | undefined;
  size(): number;
}

/** The rows that were visited, each with the base of its visit. */
export interface VisitedRows {
  baseOf(row: number): number | undefined;
  set(row: number, base: number): void;
  clear(): void;
}

const initialCapacity = 1024;

export function createVisitList(): VisitList {
  /** Row, time and base of each. */
  let numbers = new Float64Array(3 * initialCapacity);
  let end = 0;
  const visitAt = (start: number): Visit => ({
    row: numbers[start] as number,
    time: numbers[start + 1] as number,
    base: numbers[start + 2] as number,
  });
  return {
    push(row, time, base) {
      if (end === numbers.length) {
        const full = numbers;
        numbers = new Float64Array(2 * full.length);
        numbers.set(full);
      }
      numbers[end++] = row;
      numbers[end++] = time;
      numbers[end++] = base;
    },
    drain() {
      const visits = Array.from({ length: end / 3 }, (_, index) => visitAt(index * 3));
      end = 0;
      return visits;
    },
    findLast(row) {
      for (let start = end - 3; start >= 0; start -= 3) if (numbers[start] === row) return visitAt(start);
      return undefined;
    },
    size: () => end / 3,
  };
}

/** No row: primary keys begin at 1. */
const none = 0;

export function createVisitedRows(): VisitedRows {
  /** At most half full. A row is at the place that its hash says, or at one of the next, before the first that is free. */
  let rows = new Float64Array(2 * initialCapacity);
  let bases = new Float64Array(2 * initialCapacity);
  let count = 0;

  const placeOf = (row: number): number => {
    let place = Math.imul(row, 0x9e3779b1) >>> Math.clz32(rows.length - 1);
    while (rows[place] !== row && rows[place] !== none) place = (place + 1) % rows.length;
    return place;
  };
  const grow = (): void => {
    const [fullRows, fullBases] = [rows, bases];
    rows = new Float64Array(2 * fullRows.length);
    bases = new Float64Array(2 * fullBases.length);
    fullRows.forEach((row, index) => {
      if (row === none) return;
      const place = placeOf(row);
      rows[place] = row;
      bases[place] = fullBases[index] as number;
    });
  };

  return {
    baseOf(row) {
      const place = placeOf(row);
      return rows[place] === none ? undefined : bases[place];
    },
    set(row, base) {
      const place = placeOf(row);
      bases[place] = base;
      if (rows[place] === row) return;
      rows[place] = row;
      if (++count * 2 > rows.length) grow();
    },
    clear() {
      rows.fill(none);
      count = 0;
    },
  };
}
