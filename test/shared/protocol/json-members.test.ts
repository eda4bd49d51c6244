import test from 'ava';
import * as fc from 'fast-check';
import { withMembers } from '../../../shared/protocol/json-members.ts';
import { parsePhpJsonText } from '../../../shared/protocol/php-json.ts';
import { checkProperty } from '../../support/properties.ts';

const membersOf = (text: string) => withMembers({ text, value: JSON.parse(text) }).members;

/** Depth, name and value of all members, from the parsed value. */
function walk(value: unknown, depth = 0): [number, string, string | null | undefined][] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((each) => walk(each, depth + 1));
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) => [
    [depth + 1, name, typeof each === 'string' || each === null ? each : undefined],
    ...walk(each, depth + 1),
  ]);
}

test('the members of any JSON are those that a parser sees', async (t) => {
  await checkProperty(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(0, 1, '\t', '\r\n '), (value, space) => {
      const text = JSON.stringify(value, undefined, space);
      fc.pre(parsePhpJsonText(text) !== undefined);
      const found = membersOf(text).map(({ depth, name, value: member }) => [depth, name, member]);
      const expected = walk(JSON.parse(text));
      return JSON.stringify(found) === JSON.stringify(expected);
    }),
    4000,
  );
  t.pass();
});

test('a name that comes twice is two members, each with the place of its value', (t) => {
  const text = '{"a" : "x", "b":[{"a":null}], "a":7}';
  const found = membersOf(text);
  t.deepEqual(
    found.map(({ depth, name, value }) => [depth, name, value]),
    [
      [1, 'a', 'x'],
      [1, 'b', undefined],
      [3, 'a', null],
      [1, 'a', undefined],
    ],
  );
  t.deepEqual(
    found.map(({ valueAt }) => text.slice(valueAt, valueAt + 3)),
    ['"x"', '[{"', 'nul', '7}'],
  );
});

test('plain names have neither case nor width nor what stands between letters', (t) => {
  const names = [
    'openId',
    'OPEN_ID',
    'open-id',
    'ｏｐｅｎＩｄ',
    'öpenId',
    'openıd',
    ' open id ',
    'openId\\u0000x',
    'open\\u0049d',
  ];
  const text = `{${names.map((name, index) => `"${name}":${index}`).join()}}`;
  t.deepEqual(
    membersOf(text).map(({ plainName }) => plainName),
    names.map(() => 'OPENID'),
  );
  t.deepEqual(
    membersOf('{"openIds":1,"2":1,"":1}').map(({ plainName }) => plainName),
    ['OPENIDS', '2', ''],
  );
});
