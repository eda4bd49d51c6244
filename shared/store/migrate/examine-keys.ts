import type { FoundTable } from './found-tables.ts';
import type { Objection } from './objection.ts';

/** What sessions are found by, and what keeps log-ins from being written. */
export function judgeSessionKeys({ name, keys, columns }: FoundTable): Objection[] {
  const objections: Objection[] = [];
  for (const [column, add] of [
    ['uuid', 'key auth (uuid, skey)'],
    ['open_id', 'key weixin (open_id, session_key)'],
  ] as const) {
    if (!keys.some((key) => key.columns[0] === column))
      objections.push({
        found: `has a table ${name} without a key that begins with ${column}, so that each look-up reads all of it`,
        remedy: `Add it: alter table ${name} add ${add}`,
      });
  }
  for (const key of keys) {
    const isSlot = key.name.toLowerCase() === 'session_slot';
    const isRight = isSlot
      ? key.isUnique && key.columns.join() === 'user_key,slot'
      : !key.isUnique || key.columns.includes('id') || key.columns.includes('uuid');
    if (!isRight)
      objections.push({
        found: `has a table ${name} with a key ${key.name} (${key.columns.join(', ')}) that log-ins collide with`,
        remedy: `See what it is for; then: alter table ${name} drop key ${key.name}`,
      });
  }
  if (columns.get('id')?.isAutoIncrement === false)
    objections.push({
      found: `has a table ${name} whose id does not count by itself`,
      remedy: `alter table ${name} modify id int not null auto_increment`,
    });
  return objections;
}
