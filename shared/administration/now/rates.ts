import { appResults, type AppResult } from '../../metrics/app-results.ts';
import type { Counts } from '../../metrics/counts.ts';
import { otherApps, toRows, wholeSystem } from '../../samples/sample-row.ts';

/** What became of requests, per second. */
export interface Rates {
  readonly okPerSecond: number;
  readonly refusedPerSecond: number;
  readonly failedPerSecond: number;
  /** ok / (ok + failed), from 0 to 1: what clients do wrong is not our failure. null: there were none. */
  readonly successShare: number | null;
}

export interface AppRates {
  /** null: all apps that have no series of their own. */
  readonly appid: string | null;
  readonly logins: Rates;
  readonly checks: Rates;
}

/** @returns the busiest app first */
export function toAppRates(
  counts: Counts,
  seconds: number,
): { readonly total: Omit<AppRates, 'appid'>; readonly apps: readonly AppRates[] } {
  const rows = toRows(counts).map((row) => ({
    row,
    rates: { logins: toRates(row.logins, seconds), checks: toRates(row.checks, seconds) },
  }));
  const total = rows.find(({ row }) => row.appid === wholeSystem)?.rates;
  const busy = ({ row: { logins, checks } }: (typeof rows)[number]) =>
    appResults.reduce((sum, result) => sum + logins[result] + checks[result], 0);
  return {
    total: total ?? { logins: toRates(nothing, 1), checks: toRates(nothing, 1) },
    apps: rows
      .filter(({ row }) => row.appid !== wholeSystem)
      .toSorted((one, other) => busy(other) - busy(one))
      .map(({ row, rates }) => ({ appid: row.appid === otherApps ? null : row.appid, ...rates })),
  };
}

const nothing: Readonly<Record<AppResult, number>> = { ok: 0, refused: 0, failed: 0 };

function toRates({ ok, refused, failed }: Readonly<Record<AppResult, number>>, seconds: number): Rates {
  return {
    okPerSecond: perSecond(ok, seconds),
    refusedPerSecond: perSecond(refused, seconds),
    failedPerSecond: perSecond(failed, seconds),
    successShare: ok + failed === 0 ? null : ok / (ok + failed),
  };
}

export function perSecond(count: number, seconds: number): number {
  return Math.round((count / seconds) * 1000) / 1000;
}
