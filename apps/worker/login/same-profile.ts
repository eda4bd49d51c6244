import { decodeUserInfo } from '../../../shared/session/user-info.ts';

/**
 * Whether two profiles say the same of their user. The watermark, which says when WeChat sealed it, differs each time.
 * @param one as it is stored, in whatever way
 */
export function isSameProfile(one: string, other: string): boolean {
  return one === other || read(one) === read(other);
}

function read(stored: string): string | undefined {
  const value = decodeUserInfo(stored)?.value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const said = Object.entries(value).filter(([name]) => name !== 'watermark');
  return JSON.stringify(said.sort(([left], [right]) => (left < right ? -1 : 1)));
}
