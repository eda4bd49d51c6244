import type { SampleRow } from './sample-row.ts';

/** A row of cWaferSample as its columns are spelled. */
export interface StoredSample {
  readonly appid: string;
  /** UTC+8: the last minute that it covers begins then. */
  readonly at: string;
  readonly seconds: number;
  readonly logins_ok: number;
  readonly logins_refused: number;
  readonly logins_failed: number;
  readonly checks_ok: number;
  readonly checks_refused: number;
  readonly checks_failed: number;
  readonly more: string | null;
}

export const sampleColumns =
  'appid, at, seconds, logins_ok, logins_refused, logins_failed, checks_ok, checks_refused, checks_failed, more';

export function readSampleRow(row: StoredSample): SampleRow {
  return {
    appid: row.appid,
    logins: { ok: row.logins_ok, refused: row.logins_refused, failed: row.logins_failed },
    checks: { ok: row.checks_ok, refused: row.checks_refused, failed: row.checks_failed },
  };
}
