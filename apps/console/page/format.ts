import { language } from './messages/index.ts';

const locale = () => (language.value === 'zh' ? 'zh-CN' : 'en-GB');

/** What the console sends: ISO 8601, or seconds since 1970. */
export type Moment = string | number;

export function toDate(at: Moment): Date {
  return new Date(typeof at === 'number' ? at * 1000 : at);
}

/** In the time zone of the browser. */
export function tellTime(at: Moment): string {
  const date = toDate(at);
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(locale(), {
    ...(isThisYear ? {} : { year: 'numeric' }),
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).format(date);
}

/** With year, milliseconds left out, and the zone. */
export function tellWholeTime(at: Moment): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'full', timeStyle: 'long', hourCycle: 'h23' }).format(
    toDate(at),
  );
}

export function tellClock(at: Moment, withSeconds = false): string {
  return new Intl.DateTimeFormat(locale(), {
    hour: '2-digit',
    minute: '2-digit',
    ...(withSeconds ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  }).format(toDate(at));
}

export function tellDay(at: Moment): string {
  return new Intl.DateTimeFormat(locale(), { month: 'short', day: 'numeric' }).format(toDate(at));
}

const units: readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** Such as `3 minutes ago`, `in 29 days`. */
export function tellDistance(at: Moment, now = Date.now()): string {
  const seconds = (toDate(at).getTime() - now) / 1000;
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(Math.trunc(seconds / size), unit);
}

/** A span such as `30 days` or `1 hour`, in the largest unit that it is a whole number of. */
export function tellSpan(seconds: number): string {
  const [unit, size] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? ['second', 1];
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size);
}

export function tellCount(value: number): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: 0 }).format(value);
}

/** Per second: small rates need their decimals, large ones do not. */
export function tellRate(value: number): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

/** A share of 0 to 1 in percent. Never 100 % where something failed. */
export function tellShare(share: number | null): string {
  if (share === null) return '–';
  const shown = share < 1 ? Math.min(share, 0.9999) : 1;
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: shown > 0.99 ? 2 : 1 }).format(
    shown,
  );
}

export function tellMs(ms: number | null): string {
  if (ms === null) return '–';
  if (ms >= 1000) return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(ms / 1000)} s`;
  return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: ms < 10 ? 1 : 0 }).format(ms)} ms`;
}

export function tellBytes(bytes: number | null): string {
  return bytes === null
    ? '–'
    : `${new Intl.NumberFormat(locale(), { maximumFractionDigits: 0 }).format(bytes / 2 ** 20)} MB`;
}

/** Of `<input type="datetime-local">`, which has the wall clock of the browser. @returns ISO 8601 in UTC; undefined if nothing is entered */
export function fromInputTime(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
