import { toPlainText } from '../../shared/log/plain-text.ts';
import { knownPermissions, usualPermissions } from '../../shared/callers/permissions.ts';
import type { Caller } from '../../shared/store/caller-store.ts';
import { UsageFailure } from './result.ts';

/** A list such as `auth,decrypt`, in a fixed order. @throws {UsageFailure} if there is a name in it that nothing has */
export function parsePermissions(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !knownPermissions.includes(name));
  if (unknown !== undefined)
    throw new UsageFailure(
      `--may takes names with commas between them, such as auth,decrypt: "${toPlainText(unknown)}" is none of ${knownPermissions.join(', ')}`,
    );
  return knownPermissions.filter((name) => names.includes(name));
}

export function describePermissions(may: Caller['may']): string {
  return `let call ${toPlainText((may ?? [usualPermissions]).join(', '))}`;
}
