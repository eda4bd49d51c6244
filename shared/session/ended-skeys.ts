/**
 * Why an skey that was a session's is one no longer. MySQL holds the place in this list, so new ones are added at its end.
 * - `replaced`: by a later log-in, of this device or another
 * - `revoked`: by an administrator, alone or with all of its app
 * - `logged_out`: by the user
 * - `expired`: `login_duration` after the log-in; `idle`: `session_duration` after the last visit
 */
export const endReasons = ['replaced', 'revoked', 'logged_out', 'expired', 'idle'] as const;
export type EndReason = (typeof endReasons)[number];

/** Each entry: 4 bytes of seconds since 1970, 1 of the reason, 16 of the skey's SHA-256. */
const headBytes = 5;
const hashBytes = 16;
const entryBytes = headBytes + hashBytes;
const maxEntries = 8;
/** Of all entries of a row: the column is that wide. */
export const endedSkeysBytes = maxEntries * entryBytes;

/** For so long somebody who comes back is told. */
const rememberedSeconds = 30 * 86_400;

/** When and why an skey ended, as hex digits: what its entry begins with. */
export function encodeEnd(reason: EndReason, timeSeconds: number): string {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(timeSeconds);
  head.writeUInt8(endReasons.indexOf(reason), 4);
  return head.toString('hex');
}

/** When and why the skeys before ended, the latest first. Of a later version what is not known here is left out. */
export function readEnds(entries: Buffer | null): { readonly reason: EndReason; readonly time: number }[] {
  const ends: { readonly reason: EndReason; readonly time: number }[] = [];
  for (let at = 0; entries !== null && at + entryBytes <= entries.length; at += entryBytes) {
    const reason = endReasons[entries.readUInt8(at + 4)];
    if (reason !== undefined) ends.push({ reason, time: entries.readUInt32BE(at) });
  }
  return ends;
}

/**
 * Why this skey ended, if it is among those of the row. All entries are compared whole, so that the time tells nobody anything.
 * @param entries newest first
 */
export function findEnd(entries: Buffer | undefined, skeyHash: string, nowSeconds: number): EndReason | undefined {
  const wanted = Buffer.from(skeyHash, 'base64url');
  let found: EndReason | undefined;
  for (let at = 0; entries !== undefined && at + entryBytes <= entries.length; at += entryBytes) {
    let difference = 0;
    for (let index = 0; index < hashBytes; index++)
      difference |= entries.readUInt8(at + headBytes + index) ^ (wanted[index] ?? 0);
    const isRecent = nowSeconds - entries.readUInt32BE(at) <= rememberedSeconds;
    if (difference === 0 && isRecent) found ??= endReasons[entries.readUInt8(at + 4)];
  }
  return found;
}
