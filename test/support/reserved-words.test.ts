import test from 'ava';

import { findReservedName } from './reserved-words.ts';

const reserved: [sql: string, word: string][] = [
  ['select id, session_key as stored from t', 'stored'],
  ['select 1 from (select ? as id) ROW on row.id = 1', 'row'],
  ['select 1 as `a`, 2 lateral', 'lateral'],
  ['update t set offset = 1', 'offset'],
  ['insert into t (vector) values (1)', 'vector'],
  ['select md5(uuid) from t', 'md5'],
  ['delete from t returning id', 'returning'],
  [`insert into t (a, rank) values ${"(1, 'x'),".repeat(5000)} (1, 2)`, 'rank'],
];

for (const [sql, word] of reserved) {
  test(`${word} is no name in ${sql.slice(0, 40)}`, (t) => t.is(findReservedName(sql)?.word, word));
}

const allowed = [
  'select `stored` from t where name = "stored" -- stored',
  "select 'it''s \\' stored' /* stored */ from t",
  'select database() as name',
  'select uuid from t order by uuid limit 1 offset 1000',
  "insert into cSessionInfo (uuid) values ('a') returning id, uuid",
  'select md5, sha2(uuid, 256) from t',
  'select stored_profile, first_row from t',
  'select key_hash, left(name, 2) from t group by name',
];

for (const sql of allowed) test(`every server understands ${sql}`, (t) => t.is(findReservedName(sql), undefined));
