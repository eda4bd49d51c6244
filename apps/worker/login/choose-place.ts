import { isEndedSkey } from '../../../shared/store/session-ender.ts';
import type { UserRow } from '../store/user-rows.ts';

/**
 * Where a user's next session goes.
 * @param rows the user's, newest first
 * @returns the row to write over (none: a new one) in which slot, and the rows that end with it
 */
export function choosePlace(
  rows: readonly UserRow[],
  maxSessions: number,
): { kept: UserRow | undefined; ended: readonly UserRow[]; slot: number } {
  if (maxSessions === 1) return { kept: rows[0], ended: rows.slice(1), slot: 0 };
  const taken = new Set(rows.map(({ slot }) => slot));
  let free = 0;
  while (taken.has(free)) free++;
  if (rows.length < maxSessions) return { kept: undefined, ended: [], slot: free };
  // A session that has ended makes room, so that no device loses its own for it.
  const ended = rows.find(({ skey }) => isEndedSkey(skey));
  const open = rows.filter(({ skey }) => !isEndedSkey(skey));
  if (ended !== undefined && open.length < maxSessions) return { kept: ended, ended: [], slot: ended.slot ?? free };
  // Full: the device that logged in longest ago loses its session, and those beyond the maximum lose theirs as well.
  const byAge = open.toSorted((left, right) => left.createTime - right.createTime || left.fence - right.fence);
  const excess = open.length - maxSessions;
  const kept = byAge[excess];
  return { kept, ended: byAge.slice(0, excess), slot: kept?.slot ?? free };
}
