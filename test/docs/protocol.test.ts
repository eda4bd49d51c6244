import test from 'ava';
import { decryptWithIv, readText } from '../../apps/worker/decrypt.ts';
import { isSignatureRight } from '../../apps/worker/user-data.ts';
import { read } from './repository.ts';

const page = read('docs/protocol.md');

test('the encrypted sample of protocol.md decrypts to the profile that it names', (t) => {
  const [, sessionKey = '', iv = ''] = /session_key\s+`([^`]+)`, iv `([^`]+)`, and\nencrypt_data/.exec(page) ?? [];
  const [, encryptData] = /```text\n(\S+)\n```/.exec(page) ?? [];
  const profile = JSON.parse(readText(decryptWithIv(sessionKey, iv, encryptData)) ?? '');
  t.is(profile.openId, 'oGZUI0egBJY1zhBYw2KhdUfwVJJE');
  t.is(profile.watermark.timestamp, 1477314187);
});

test('the signature of protocol.md belongs to its rawData and session_key', (t) => {
  const [, sessionKey = ''] = /Check value: the session_key `([^`]+)`/.exec(page) ?? [];
  const [, rawData, signature] = /```json\n(\{"nickName".+\})\n```\n\ngive `(\w+)`/.exec(page) ?? [];
  t.true(isSignatureRight({ rawData, signature }, sessionKey));
});
