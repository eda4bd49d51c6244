import { createHash } from 'node:crypto';
import { isPlainId } from './skey.ts';

/** What the keys of cached sessions begin with. */
export const cachedSessionPrefix = 'wafer:s:';

/** Ids come from the public internet: one that does not look like ours is hashed, so that it can't choose a slot or bloat a key. */
export function cacheKeyOf(id: string): string {
  return cachedSessionPrefix + (isPlainId(id) ? id : `#${createHash('sha256').update(id, 'utf8').digest('base64url')}`);
}

/** undefined for any other key, and for that of an id that is not plain. */
export function plainIdOf(key: string): string | undefined {
  if (!key.startsWith(cachedSessionPrefix)) return undefined;
  const id = key.slice(cachedSessionPrefix.length);
  return isPlainId(id) ? id : undefined;
}
