import test from 'ava';
import { createSessionLookups } from '../../../../apps/web/sessions/session-lookups.ts';
import type { Session } from '../../../../shared/session/session.ts';

test('a valid session behind six thousand unknown ids is found, with a few statements', async (t) => {
  const session = { row: 1 } as Session;
  let statements = 0;
  const lookups = createSessionLookups(
    async (ids) => {
      statements++;
      // A statement takes its time, and more for more ids.
      await new Promise((resolve) => setTimeout(resolve, 5 + ids.length / 100));
      return new Map(ids.includes('valid') ? [['valid', session]] : []);
    },
    () => undefined,
  );
  const unknown = Array.from({ length: 6000 }, (_, index) => lookups.find(`unknown${index}`));
  t.is(await lookups.find('valid'), session);
  t.true((await Promise.all(unknown)).every((found) => found === undefined));
  t.true(statements <= 12, `${statements} statements`);
});
