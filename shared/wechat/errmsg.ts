/** WeChat's own words about a failure, fit for a log. */
export interface Said {
  readonly errmsg: string;
  /** What WeChat's support asks for first: the name of the one request. */
  readonly rid?: string;
}

const maxRead = 1000;
const maxTold = 120;
const ridForm = /\brid: ?([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})(?![\w-])/i;
/** What may be a code, a token, an openid or a number of somebody: long, or with digits or capitals within. */
const suspicious = /[\w+/=-]{24,}|(?=[\w+/=-]*(?:\d|[a-z][A-Z]))[\w+/=-]{8,}|\d{6,}/g;

/**
 * Takes from an errmsg what tells nothing of anybody: WeChat quotes in it what it was sent, or hints at it.
 * @returns undefined if there is none
 */
export function readErrmsg(errmsg: unknown): Said | undefined {
  if (typeof errmsg !== 'string') return undefined;
  const text = errmsg.slice(0, maxRead);
  const rid = ridForm.exec(text)?.[1]?.toLowerCase();
  const words = text
    .replace(ridForm, '')
    .replaceAll(/[^\u0020-\u007E]+/g, ' ')
    .replaceAll(suspicious, '*')
    .replaceAll(/ {2,}/g, ' ')
    .trim()
    .slice(0, maxTold);
  return words === '' && rid === undefined ? undefined : { errmsg: words, ...(rid === undefined ? {} : { rid }) };
}
