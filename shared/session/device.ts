import { isIP } from 'node:net';

/** What a log-in says of the device it comes from. */
export interface Device {
  /** In small letters: `ios`, `android`, … */
  readonly kind: string;
  /** For people: maker and model. */
  readonly label?: string;
}

/** As WeChat names platforms; anything else is a device of the kind `other`. */
export const deviceKinds = ['ios', 'android', 'ohos', 'windows', 'mac', 'linux', 'devtools', 'other'] as const;
const kinds: ReadonlySet<string> = new Set(deviceKinds);
const otherKind = 'other';
/** As many characters as the column holds. */
const maxLabelLength = 64;
/** What a caller may send at all. */
export const maxDeviceLength = 512;

/**
 * `ios iPhone 15 Pro`: a kind, and a label of any characters. What begins with no known kind is a label alone. A label is cut to what is
 * kept, since nobody's log-in is to fail for the name of a telephone.
 * @returns undefined for what is no text, is empty, or longer than anybody means
 */
export function parseDevice(value: unknown): Device | undefined {
  if (typeof value !== 'string' || value.length > maxDeviceLength) return undefined;
  const text = cleanText(value);
  if (text === '') return undefined;
  const [first = ''] = text.split(' ', 1);
  const kind = first.toLowerCase();
  const isKnown = kinds.has(kind);
  // By whole characters, as the column counts them.
  const label = Array.from(isKnown ? text.slice(first.length).trim() : text)
    .slice(0, maxLabelLength)
    .join('')
    .trim();
  return { kind: isKnown ? kind : otherKind, ...(label === '' ? {} : { label }) };
}

/** One line without control characters, half characters, or such as change how a terminal or a page is read. */
function cleanText(text: string): string {
  return text.replaceAll(/[\p{C}\p{Z}\uFFFD]+/gu, ' ').trim();
}

/** `::ffff:203.0.113.7`, as servers that listen on IPv6 name an address of IPv4. */
const mapped = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

/** @returns undefined for what is no address of IPv4 or IPv6; without a zone, which says nothing elsewhere */
export function parseClientIp(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const address = value.trim().replace(mapped, '');
  return address.includes('%') || isIP(address) === 0 ? undefined : address.toLowerCase();
}
