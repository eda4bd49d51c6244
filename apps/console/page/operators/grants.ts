import type { OperatorItem, Role } from '../api/types.ts';

/** What gives somebody rights or a way in, as far as it was filled in: the person who asks confirms it. */
export type Grant =
  | { readonly act: 'add'; readonly kind: 'person' | 'token'; readonly name: string; readonly role: Role }
  | { readonly act: 'link'; readonly name: string }
  | { readonly act: 'role'; readonly name: string; readonly before: Role; readonly role: Role }
  | { readonly act: 'enable'; readonly name: string; readonly kind: OperatorItem['kind'] };

const storageKey = 'wafer-console-grant';

/** For whoever goes to sign in once more meanwhile, in this tab. */
export function keepGrant(grant: Grant): void {
  sessionStorage.setItem(storageKey, JSON.stringify(grant));
}

/** What was kept, once. */
export function takeGrant(): Grant | undefined {
  const kept = sessionStorage.getItem(storageKey);
  sessionStorage.removeItem(storageKey);
  return kept === null ? undefined : (JSON.parse(kept) as Grant);
}
