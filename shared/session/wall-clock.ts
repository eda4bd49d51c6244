/**
 * The original keeps every datetime as Asia/Shanghai wall-clock time, whatever the zone of server and process
 * (docs/protocol.md#datetimes).
 */
const offsetSeconds = 8 * 3600;

const pattern = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/;

/** All who log in within one second need the same. */
let latest = { epochSeconds: Number.NaN, text: '' };

/** Seconds since 1970 as `YYYY-MM-DD HH:MM:SS` in UTC+8. */
export function toWallClock(epochSeconds: number): string {
  if (epochSeconds !== latest.epochSeconds) {
    const text = new Date((epochSeconds + offsetSeconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
    latest = { epochSeconds, text };
  }
  return latest.text;
}

/** Seconds since 1970 of a datetime column; a zero or impossible date is far in the past, as it was for the original. */
export function fromWallClock(text: string): number {
  const match = pattern.exec(text);
  if (match === null) return 0;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (year === 0 || month === 0 || day === 0) return 0;
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - offsetSeconds;
}

/** This process's time in whole seconds since 1970, the resolution of the protocol's limits. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
