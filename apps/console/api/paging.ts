import { z } from 'zod';

/** Of every list: how many at most, and where the one before has ended. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(300).optional().describe('`next` of the page before, asked with the same filters'),
};

export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().describe('The cursor of the next page; null: this is the last one'),
  });
}

/** So far from both ends of what a datetime of MySQL holds that a zone or a step beyond it is one, too. */
const instantYears = { from: Date.UTC(1970) / 1000, before: Date.UTC(9999) / 1000 };

/** A time in a query, as whole seconds since 1970. */
export const instant = z.iso
  .datetime({ offset: true })
  .transform((text) => Math.floor(Date.parse(text) / 1000))
  .refine((seconds) => seconds >= instantYears.from && seconds < instantYears.before, 'must be of 1970 to 9998')
  .describe('ISO 8601 with an offset, to the second, of the years 1970 to 9998');

/** @param seconds since 1970 */
export function toInstant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

export function toOptionalInstant(seconds: number | undefined): string | null {
  return seconds === undefined ? null : toInstant(seconds);
}

/** Of what destroys: whether it is only to be told what it would do. */
export const dryRun = z.boolean().default(false).describe('Says what it would do, and changes nothing');
