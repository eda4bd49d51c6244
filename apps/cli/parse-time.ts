import { nowSeconds } from '../../shared/session/wall-clock.ts';
import { UsageFailure } from './result.ts';

const secondsOf: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

export const timeHelp = '30m, 24h or 7d ago; or a date or time as in ISO 8601';

/** @returns for commander: seconds since 1970 of what an option is given */
export const parseTime =
  (option: string) =>
  (text: string): number => {
    const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
    if (count !== undefined) return nowSeconds() - Number(count) * (secondsOf[unit] ?? 0);
    const ms = Date.parse(text);
    if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(ms))
      throw new UsageFailure(`${option} takes 30m, 24h, 7d, 2026-11-01 or 2026-11-01T08:00Z`);
    return Math.floor(ms / 1000);
  };
