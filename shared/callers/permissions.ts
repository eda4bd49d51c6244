import { interfaceNames } from '../protocol/interface-names.ts';
import type { Caller } from '../store/caller-store.ts';

/** Stands for everything that a caller may do of whom nothing was said. */
export const usualPermissions = 'default';

/** What nobody may do without being let: not a request without a key, nor a caller of whom nothing was said. */
const grantedPermissions: ReadonlySet<string> = new Set(['token', 'forget', 'wechat-event']);

const prefix = 'qcloud.cam.';

/** What is left of permissions where it is not certain that they still hold. */
export function withoutGranted(may: Caller['may']): Caller['may'] {
  return may?.filter((permission) => !grantedPermissions.has(permission)) ?? null;
}

/** What `wafer caller add --may` calls an interface: its name without what all have in common. */
export function permissionOf(interfaceName: string): string {
  return interfaceName.startsWith(prefix) ? interfaceName.slice(prefix.length) : interfaceName;
}

/** Everything that a caller can be let do, in the order in which it is told. */
export const knownPermissions: readonly string[] = [
  ...new Set([usualPermissions, ...interfaceNames.map(permissionOf), ...grantedPermissions]),
];

/** @param caller undefined: a request without a key */
export function isPermitted(caller: Pick<Caller, 'may'> | undefined, permission: string): boolean {
  const may = caller?.may ?? undefined;
  if (may?.includes(permission) === true) return true;
  return (may === undefined || may.includes(usualPermissions)) && !grantedPermissions.has(permission);
}
