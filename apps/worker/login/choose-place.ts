import { isEndedSkey } from '../../../shared/store/session-ender.ts';
import type { UserRow } from '../store/user-rows.ts';

/**
 * Where a user's next session goes.
 * @param rows the user's, newest first
 * @param deviceKind of this log-in, where each kind has one session; a log-in that says nothing of its device is of a kind of its own
 * @returns the row to write over (none: a new one) in which slot, and the rows that end with it
 */
export function choosePlace(
  rows: readonly UserRow[],
  maxSessions: number,
  deviceKind?: { readonly kind: string | undefined },
): Place {
  if (maxSessions === 1) return { kept: rows[0], ended: rows.slice(1), slot: 0 };
  const ofKind = deviceKind === undefined ? [] : rows.filter((row) => row.deviceKind === deviceKind.kind);
  const [kept, ...ended] = ofKind;
  if (kept === undefined) return chooseAmong(rows, maxSessions);
  // Those that it had before the app said so end as well.
  return { kept, ended: ended.filter(({ skey }) => !isEndedSkey(skey)), slot: kept.slot ?? firstFree(rows) };
}

interface Place {
  readonly kept: UserRow | undefined;
  readonly ended: readonly UserRow[];
  readonly slot: number;
}

function firstFree(rows: readonly UserRow[]): number {
  const taken = new Set(rows.map(({ slot }) => slot));
  let free = 0;
  while (taken.has(free)) free++;
  return free;
}

function chooseAmong(rows: readonly UserRow[], maxSessions: number): Place {
  const free = firstFree(rows);
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
