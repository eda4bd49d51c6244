import { z } from 'zod';
import { roles } from '../../../shared/operators/roles.ts';
import { fromWallClock } from '../../../shared/session/wall-clock.ts';

/** Any text that somebody may have as a password; what is too weak for a new one is for the rules to say. */
export const password = z.string().min(1).max(256);

export const totpCode = z.string().regex(/^\d{6}$/, 'must be six digits');

export const role = z.enum(roles);

/** Of an operator, as it is written; `readOperatorName` says what is one. */
export const operatorName = z.string().min(1).max(64);

export const timestamp = z.iso.datetime();

/** A datetime of the database, which is UTC+8 text, as ISO 8601. */
export function toTimestamp(wallClock: string): string {
  return new Date(fromWallClock(wallClock) * 1000).toISOString();
}

export function toOptionalTimestamp(wallClock: string | null): string | null {
  return wallClock === null ? null : toTimestamp(wallClock);
}
