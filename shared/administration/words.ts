import { toPlainText } from '../log/plain-text.ts';

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Names from outside, for one line. */
export function listNames(names: readonly string[]): string {
  return names.map(toPlainText).join(', ');
}
