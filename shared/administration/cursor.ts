import { hash } from 'node:crypto';
import { UnfitRequest } from './failure.ts';

/**
 * Where a list goes on, for whoever asked for it: nothing that could be counted or guessed at, and good for the same question alone.
 * @param question what the list was filtered by
 * @param place numbers that say where
 */
export function writeCursor(question: object, place: readonly number[]): string {
  return Buffer.from([digest(question), ...place].join('.')).toString('base64url');
}

/** @throws {UnfitRequest} if it is none, or of another question */
export function readCursor(cursor: string, question: object, length: number): number[] {
  const [of, ...place] = Buffer.from(cursor, 'base64url').toString('latin1').split('.');
  const isPlace = place.length === length && place.every((part) => /^\d{1,16}$/.test(part));
  if (!isPlace) throw new UnfitRequest('the cursor is none of ours: begin without one');
  if (of !== digest(question))
    throw new UnfitRequest('the cursor belongs to a list with other filters: begin without one');
  return place.map(Number);
}

function digest(question: object): string {
  const parts = Object.entries(question).filter(([, value]) => value !== undefined);
  return hash('sha256', JSON.stringify(parts.sort(([one], [other]) => (one < other ? -1 : 1))), 'hex').slice(0, 12);
}
