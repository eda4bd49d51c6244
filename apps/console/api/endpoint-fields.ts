import { z } from 'zod';
import { endpointNameShape } from '../../../shared/administration/endpoints.ts';
import { eventNames } from '../../../shared/events/event.ts';
import { timestamp } from './fields.ts';

export const endpointName = z
  .string()
  .regex(endpointNameShape, 'must be letters, digits, dots, underscores or hyphens');
export const url = z.string().min(1).max(2000);
/** null: of all. */
export const apps = z.array(z.string().min(1).max(200)).min(1).nullable();
export const events = z.array(z.enum(eventNames)).min(1).nullable();

export const listedEndpoint = z.object({
  name: z.string(),
  origin: z.string(),
  apps,
  events: z.array(z.string()).nullable(),
  enabled: z.boolean(),
  createdAt: timestamp,
  deliveredAt: timestamp.nullable(),
  failingSince: timestamp.nullable(),
  failure: z.string().nullable(),
  oldestSeconds: z.number(),
  dead: z.number().int(),
  waiting: z
    .array(
      z.object({
        sequence: z.number().int(),
        at: timestamp,
        event: z.string(),
        appid: z.string().nullable(),
        openId: z.string().nullable(),
        since: timestamp.describe('When it was refused first'),
        failure: z.string().describe('What was answered the last time'),
      }),
    )
    .describe('The events that it does not take and others of the same lane wait for; who waits longest is first'),
});

export const deadLetter = z.object({
  id: z.number().int(),
  endpoint: z.string(),
  at: timestamp,
  event: z.string(),
  appid: z.string().nullable(),
  openId: z.string().nullable(),
  sessionId: z.string().nullable(),
  failure: z.string(),
  diedAt: timestamp,
  again: z.boolean(),
});

/** Values with commas between. */
export function commaList<Item extends z.ZodType<string, string>>(item: Item) {
  return z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(item));
}

export const toIso = (ms: number): string => new Date(ms).toISOString();
export const toOptionalIso = (ms: number | null): string | null => (ms === null ? null : toIso(ms));
