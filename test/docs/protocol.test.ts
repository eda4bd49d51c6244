import test from 'ava';
import { decryptWithIv, readText } from '../../apps/worker/decrypt.ts';
import { isSignatureRight } from '../../apps/worker/user-data.ts';
import { read } from './repository.ts';

const english = read('docs/protocol.md');
const chinese = read('docs/protocol.zh-CN.md');

test('protocol.md and its Chinese twin have the same anchors, code blocks and code words', (t) => {
  for (const pattern of [/<a id="[^"]+">/g, /^```\w+\n[^]*?^```/gm, /^#+ /gm])
    t.deepEqual(chinese.match(pattern), english.match(pattern));
  t.deepEqual(codeWords(chinese), codeWords(english));
});

test('the encrypted sample of protocol.md decrypts to the profile that it names', (t) => {
  const [, sessionKey = '', iv = ''] = /session_key\s+`([^`]+)`, iv `([^`]+)`, and\nencrypt_data/.exec(english) ?? [];
  const [, encryptData] = /```text\n(\S+)\n```/.exec(english) ?? [];
  const profile = JSON.parse(readText(decryptWithIv(sessionKey, iv, encryptData)) ?? '');
  t.is(profile.openId, 'oGZUI0egBJY1zhBYw2KhdUfwVJJE');
  t.is(profile.watermark.timestamp, 1477314187);
});

test('the signature of protocol.md belongs to its rawData and session_key', (t) => {
  const [, sessionKey = ''] = /Check value: the session_key `([^`]+)`/.exec(english) ?? [];
  const [, rawData, signature] = /```json\n(\{"nickName".+\})\n```\n\ngive `(\w+)`/.exec(english) ?? [];
  t.true(isSignatureRight({ rawData, signature }, sessionKey));
});

function codeWords(page: string): string[] {
  return [...new Set(page.replaceAll(/^```[^]*?^```/gm, '').match(/`[^`\n]+`/g))].toSorted();
}
