import type { Reply } from './ask.ts';
import type { Kind, Verdict } from './tally.ts';

interface Envelope {
  readonly returnCode: number;
  readonly returnMessage: string;
  readonly returnData:
    | { readonly id?: string; readonly skey?: string; readonly user_info?: { readonly openId?: string } }
    | '';
}

/** What an answer is worth. Its data too, if it is a success. */
export function judge(
  reply: Reply,
  kind: Kind,
  openId: string,
): { verdict: Verdict; data?: { id: string; skey: string } } {
  if (reply.kind === 'cut' || reply.kind === 'unanswered') return { verdict: { kind: reply.kind } };
  // Nobody was there to be asked; that is an error as clear as it can be.
  if (reply.kind === 'nobody') return { verdict: { kind: 'error', code: 'refused' } };
  const wrong = (what: string) => ({ verdict: { kind: 'wrong', what: `${kind}: ${what}` } as const });
  const envelope = parse(reply.text);
  if (reply.status !== 200) {
    return reply.status === 503 ? { verdict: { kind: 'error', code: 'HTTP 503' } } : wrong(`HTTP ${reply.status}`);
  }
  if (envelope === undefined) return wrong('the answer is no envelope');
  const { returnCode, returnData } = envelope;
  if (kind === 'probe') {
    if (returnCode === 0) return wrong('success for a session that is not valid');
    return { verdict: returnCode === 60012 ? { kind: 'ok' } : errorOf(returnCode, reply.reason) };
  }
  if (returnCode === 60012 || returnCode === 60011) return wrong(`${returnCode} for a valid session`);
  if (returnCode !== 0 || returnData === '') return { verdict: errorOf(returnCode, reply.reason) };
  if (returnData.user_info?.openId !== openId) return wrong("another user's data");
  const { id = '', skey = '' } = returnData;
  return { verdict: { kind: 'ok' }, data: { id, skey } };
}

function errorOf(returnCode: number, reason: string | undefined): Verdict {
  return { kind: 'error', code: `${returnCode} ${reason ?? '(no reason)'}` };
}

function parse(text: string): Envelope | undefined {
  try {
    const value = JSON.parse(text) as Envelope;
    return Object.keys(value).join() === 'returnCode,returnMessage,returnData,version,componentName'
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}
