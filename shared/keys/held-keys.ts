import { createHmac } from 'node:crypto';
import type { KeyRing } from './key-ring.ts';

/** Which keys a process holds, as it may be told to others: it says nothing about the keys themselves. */
export interface HeldKeys {
  readonly writes: number | 'plain';
  /** By version; equal for equal keys. */
  readonly fingerprints: Readonly<Record<string, string>>;
}

export function describeKeys({ writes, keys }: KeyRing): HeldKeys {
  const fingerprints = [...keys].map(([version, key]) => {
    const digest = createHmac('sha256', key).update('wafer: fingerprint of a key').digest('hex');
    return [String(version), digest.slice(0, 16)];
  });
  return { writes: writes ?? 'plain', fingerprints: Object.fromEntries(fingerprints) as Record<string, string> };
}
