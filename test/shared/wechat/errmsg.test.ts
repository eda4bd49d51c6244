import test from 'ava';
import { readErrmsg } from '../../../shared/wechat/errmsg.ts';

const rid = '65a1b2c3-1a2b3c4d-0f0e0d0c';

test('the words and the rid of an errmsg are told apart', (t) => {
  t.deepEqual(readErrmsg(`invalid code rid: ${rid}`), { errmsg: 'invalid code', rid });
  t.deepEqual(readErrmsg('code blocked'), { errmsg: 'code blocked' });
  t.deepEqual(readErrmsg(`rid: ${rid}`), { errmsg: '', rid });
  const address = 'invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist';
  t.deepEqual(readErrmsg(`${address} rid: ${rid}`), { errmsg: address, rid });
  const quota = 'api minute-quota reach limit, must slower, retry next minute';
  t.deepEqual(readErrmsg(quota), { errmsg: quota });
});

test('what may be a code, a token, an openid, a number or a name is not in it', (t) => {
  for (const [said, errmsg] of [
    ['invalid code, hints: [ req_id: kDGgCTrce-a1B2c3 ]', 'invalid code, hints: [ req_id: * ]'],
    ['openid oGZUI0egBJY1zhBYw2KhdUfwVJJE is wrong', 'openid * is wrong'],
    ['js_code 0a1B2c3D4e of wx0123456789abcdef', 'js_code * of *'],
    ['phone 13800138000 or +86-138-0013-8000', 'phone * or *'],
    ['token sim_abcdefghijklmnopqrstuvwxyz/+==', 'token *'],
    ['user 小程序用户🐼 said\r\n{"level":60}', 'user said {"level":60}'],
    ['rid: not-a-rid', 'rid: not-a-rid'],
  ] as const)
    t.is(readErrmsg(said)?.errmsg, errmsg, said);
});

test('what is no text, or too long, is cut or nothing', (t) => {
  for (const errmsg of [undefined, null, 5, {}, '', '小程序']) t.is(readErrmsg(errmsg), undefined);
  t.is(readErrmsg('no way '.repeat(10_000))?.errmsg.length, 120);
});
