import { isUtf8 } from 'node:buffer';

/** What WeChat tells of a user, as far as something of it is kept here. */
export interface WechatEvent {
  /** undefined if it names none. */
  readonly appid: string | undefined;
  readonly openId: string;
  /** As WeChat spells it. */
  readonly event: string;
  /** What is to go: nothing, if it is about what is not kept here. */
  readonly parts: readonly ('everything' | 'profile' | 'phone')[];
}

/** Why it is none. */
type EventFault = 'event_malformed' | 'event_encrypted';

/** By the number in RevokeInfo. The others are about what is not kept here: an address, an invoice, a camera. */
const revocable: Readonly<Record<string, 'profile' | 'phone'>> = { 6: 'profile', 8: 'phone' };

/** WeChat's have 28 characters, random ones: no word, and no part of anything else. */
const shapeOfOpenId = /^[\w-]{20,64}$/;

/** An event as WeChat pushes it, in XML or JSON. */
export function readWechatEvent(body: Buffer): WechatEvent | EventFault {
  const fields = isUtf8(body) ? readFields(body.toString('utf8').trim()) : undefined;
  if (fields === undefined) return 'event_malformed';
  // Only who has the app's push key reads it.
  if (fields.has('Encrypt') && !fields.has('Event')) return 'event_encrypted';
  const event = fields.get('Event') ?? '';
  const openId = fields.get('OpenID') ?? '';
  const appid = fields.get('AppID');
  if (!/^\w{1,64}$/.test(event) || (appid ?? '').length > 200) return 'event_malformed';
  if (openId !== '' && !shapeOfOpenId.test(openId)) return 'event_malformed';
  const parts = partsOf(event, fields);
  if (parts.length > 0 && openId === '') return 'event_malformed';
  return { appid: appid === '' ? undefined : appid, openId, event, parts };
}

function partsOf(event: string, fields: ReadonlyMap<string, string>): WechatEvent['parts'] {
  // About a user of a plugin, by a name that nobody has here.
  if ((fields.get('PluginID') ?? '') !== '') return [];
  if (event === 'user_authorization_cancellation') return ['everything'];
  if (event === 'user_info_modified') return ['profile'];
  if (event !== 'user_authorization_revoke') return [];
  const revoked = (fields.get('RevokeInfo') ?? '').split(/\D+/).map((number) => revocable[number]);
  return [...new Set(revoked)].filter((part) => part !== undefined);
}

function readFields(text: string): Map<string, string> | undefined {
  return text.startsWith('<') ? readFlatXml(text) : readFlatJson(text);
}

function readFlatJson(text: string): Map<string, string> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const fields = Object.entries(value).filter(([, field]) => typeof field === 'string' || typeof field === 'number');
    return new Map(fields.map(([name, field]) => [name, String(field)]));
  } catch {
    return undefined;
  }
}

const start = /^(?:<\?xml [^<>]*\?>\s*)?<xml>/;
/** CDATA, or text without markup and without entities. */
const field = /\s*<([A-Za-z]\w{0,63})>(?:<!\[CDATA\[((?:(?!\]\]>)[^])*)\]\]>|([^<&]*))<\/\1>/y;
const end = /\s*<\/xml>$/y;

/**
 * The one shape of XML in which WeChat pushes: one level of fields, each once, in CDATA or plain. It has no document type, no entities, no
 * attributes, no comments; what has is not WeChat's.
 */
function readFlatXml(text: string): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  let at = start.exec(text)?.[0].length;
  while (at !== undefined) {
    end.lastIndex = at;
    if (end.test(text)) return fields;
    field.lastIndex = at;
    const found = field.exec(text);
    const [, name = '', cdata, plain = ''] = found ?? [];
    if (found === null || fields.has(name)) return undefined;
    fields.set(name, cdata ?? plain.trim());
    at = field.lastIndex;
  }
  return undefined;
}
