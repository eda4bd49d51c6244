import { hash } from 'node:crypto';
import type { PassedLimit } from '../../../shared/session/expiry.ts';
import { endSql, withEndedSkey } from '../../../shared/store/session-ender.ts';

interface Replacement {
  readonly kept: { readonly row: number; readonly skey: string };
  readonly wasOver?: PassedLimit | undefined;
  readonly write: { readonly time: number };
}

/**
 * SQL for `ended_skeys` of rows that log-ins give other skeys. Whether a session was over before says what a row was when it was looked
 * at: of a row that has got another session since then, that one is simply replaced.
 */
export function withFormerSkey(renewals: readonly Replacement[]): string {
  const time = Math.max(...renewals.map(({ write }) => write.time));
  const replaced = endSql('replaced', time);
  const cases = renewals.flatMap(({ kept, wasOver }) =>
    wasOver === undefined
      ? []
      : [`when id = ${kept.row} and sha2(skey, 256) = '${hash('sha256', kept.skey)}' then ${endSql(wasOver, time)}`],
  );
  return withEndedSkey(cases.length === 0 ? replaced : `case ${cases.join(' ')} else ${replaced} end`);
}
