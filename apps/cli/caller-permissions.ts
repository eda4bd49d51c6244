import { toPlainText } from '../../shared/log/plain-text.ts';
import { grantedPermissions, permissionOf, usualPermissions } from '../../shared/callers/permissions.ts';
import type { Caller } from '../../shared/store/caller-store.ts';
import { interfaceSchemas } from '../web/interfaces/schemas/index.ts';
import { UsageFailure } from './result.ts';

const known: readonly string[] = [
  ...new Set([usualPermissions, ...[...interfaceSchemas.keys()].map(permissionOf), ...grantedPermissions]),
];

/** A list such as `auth,decrypt`, in a fixed order. @throws {UsageFailure} if there is a name in it that nothing has */
export function parsePermissions(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageFailure(
      `--may takes names with commas between them, such as auth,decrypt: "${toPlainText(unknown)}" is none of ${known.join(', ')}`,
    );
  return known.filter((name) => names.includes(name));
}

export function describePermissions(may: Caller['may']): string {
  return `let call ${toPlainText((may ?? [usualPermissions]).join(', '))}`;
}
