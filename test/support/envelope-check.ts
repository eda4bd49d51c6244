import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';
import { failures } from '../../shared/protocol/return-codes.ts';
import type { RawAnswer } from './post.ts';

const keys = ['returnCode', 'returnMessage', 'returnData', 'version', 'componentName'];
const failurePairs = new Set(Object.values(failures).map(({ code, message }) => `${code} ${message}`));
const successMessages = new Set<string>([...interfaceSchemas.values()].flatMap(({ messages }) => messages));
const reasonToken = /^[\w:.-]{1,64}$/;

export interface Envelope {
  readonly returnCode: number;
  readonly returnMessage: string;
  readonly returnData: unknown;
  readonly reason: string | undefined;
}

/**
 * Reads an answer and holds it against docs/protocol.md#envelope.
 * @throws naming what is wrong with it
 */
export function readEnvelope({ status, headers, body }: RawAnswer): Envelope {
  const text = body.toString('latin1');
  const complain = (what: string) => new Error(`${what}: HTTP ${status} ${text.slice(0, 500)}`);
  if (status !== 200) throw complain('not answered');
  if (headers['content-type'] !== 'application/json;charset=utf-8') throw complain('content type');
  if (headers['content-length'] !== String(body.length)) throw complain('length');
  if (headers['content-encoding'] !== undefined) throw complain('encoded');
  // oxlint-disable-next-line no-control-regex -- no byte of an answer may be one
  if (/[^\u0020-\u007f]/.test(text)) throw complain('not ASCII');
  const envelope = JSON.parse(text) as Envelope & { version: unknown; componentName: unknown };
  if (Object.keys(envelope).join() !== keys.join()) throw complain('keys');
  if (envelope.version !== 1 || envelope.componentName !== 'MA') throw complain('version or component');
  const { returnCode, returnMessage, returnData } = envelope;
  if (returnCode === 0) {
    if (!successMessages.has(returnMessage)) throw complain('success message');
    const isString = typeof returnData === 'string';
    if (isString !== (returnMessage === 'DECRYPT_SUCCESS') || returnData === null) throw complain('returnData');
  } else {
    if (!failurePairs.has(`${returnCode} ${returnMessage}`)) throw complain('code and message');
    if (returnData !== '') throw complain('returnData of a failure');
  }
  const reason = headers['x-wafer-reason'];
  if (reason !== undefined && !reasonToken.test(String(reason))) throw complain(`reason ${String(reason)}`);
  return { returnCode, returnMessage, returnData, reason: reason as string | undefined };
}
