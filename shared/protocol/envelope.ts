import type { Outcome } from './outcome.ts';
import { failures } from './return-codes.ts';

const tail = ',"version":1,"componentName":"MA"}';

const failureBodies = Object.fromEntries(
  Object.entries(failures).map(([name, { code, message }]) => [
    name,
    `{"returnCode":${code},"returnMessage":"${message}","returnData":""${tail}`,
  ]),
);

/** The answer's body: five keys in the protocol's order, ASCII, no final newline (docs/protocol.md#envelope). */
export function renderEnvelope(outcome: Outcome): string {
  if (!outcome.ok) return failureBodies[outcome.failure] as string;
  return `{"returnCode":0,"returnMessage":"${outcome.message}","returnData":${outcome.dataJson}${tail}`;
}

/** The wire code of an outcome, for metrics and logs. */
export function returnCodeOf(outcome: Outcome): number {
  return outcome.ok ? 0 : failures[outcome.failure].code;
}
