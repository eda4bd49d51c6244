import test from 'ava';
import { parseAnyRequest, parseRequest } from '../../../apps/web/request.ts';

const authBody = (id: unknown, skey: unknown) =>
  JSON.stringify({
    version: 1,
    componentName: 'MA',
    interface: { interfaceName: 'qcloud.cam.auth', para: { id, skey } },
  });

test('the quick way reads every auth check as the long one does', (t) => {
  const strange = [
    '',
    'a"b',
    'a\\',
    'é',
    '微信',
    'a b',
    'a/b',
    '\u2028',
    'x'.repeat(100),
    'x'.repeat(101),
    1,
    null,
    ['a'],
    {},
  ];
  const values = ['0123456789abcdef', 'A-z_9', ...strange];
  for (const id of values) {
    for (const skey of values) {
      const body = Buffer.from(authBody(id, skey));
      t.deepEqual(parseRequest(body), parseAnyRequest(body), body.toString());
    }
  }
});

test('what only looks like the quick form is read the long way', (t) => {
  const plain = authBody('id', 'skey');
  const bodies = [
    `${plain} `,
    ` ${plain}`,
    plain.slice(0, -1),
    `${plain}}`,
    plain.replace('"skey"}', '"skey","id":"other"}'),
    plain.replace('"version":1', '"version":2'),
    plain.replace('auth', 'AUTH'),
    plain.replace('"id"', '"\\u0069d"'),
    plain.replace('"skey"}', '"skey\\u0000"}'),
    plain.replace('{"id"', '{"__proto__":{},"id"'),
  ];
  for (const text of bodies) {
    const body = Buffer.from(text);
    t.deepEqual(parseRequest(body), parseAnyRequest(body), text);
  }
  t.deepEqual(parseRequest(Buffer.from(plain.replace('"id":"id"', '"id":"\xe9"'), 'latin1')), {
    ok: false,
    failure: 'notJson',
  });
});
