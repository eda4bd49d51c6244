import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import test from 'ava';
import {
  createColumnCipher,
  plainCipher,
  previousSecretPlace,
  sealedVersion,
  secretPlace,
  sessionKeyPlace,
  UnreadableValueError,
  type ColumnCipher,
  type Place,
} from '../../../shared/keys/column-cipher.ts';
import { parseKeyRing } from '../../../shared/keys/key-ring.ts';

const [one, two] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const cipher = createColumnCipher(parseKeyRing(`2:${two},1:${one}`));
const sessionKey = 'HyVFkGl5F5OQWJZZaNzBBg==';
const place = sessionKeyPlace('wx0', 'oAlice');

const faultOf = (by: ColumnCipher, at: Place, stored: string): string => {
  try {
    by.open(at, stored);
    return 'opened';
  } catch (error) {
    return error instanceof UnreadableValueError ? error.fault : 'another error';
  }
};

test('a value opens in its place alone, and the first key seals it', (t) => {
  const sealed = cipher.seal(place, sessionKey);
  t.regex(sealed, /^wafer:2:[\w-]+$/);
  t.false(sealed.includes(sessionKey));
  t.not(cipher.seal(place, sessionKey), sealed);
  t.is(cipher.open(place, sealed), sessionKey);
  t.is(sealedVersion(sealed), 2);
});

test('what an older key has sealed opens, in whatever order the keys stand', (t) => {
  const older = createColumnCipher(parseKeyRing(`1:${one}`)).seal(place, sessionKey);
  t.is(cipher.open(place, older), sessionKey);
  const turned = createColumnCipher(parseKeyRing(`1:${one},2:${two}`));
  t.is(turned.open(place, cipher.seal(place, sessionKey)), sessionKey);
  t.is(sealedVersion(turned.seal(place, sessionKey)), 1);
});

test('a value copied to another row or column does not open', (t) => {
  const sealed = cipher.seal(place, sessionKey);
  for (const other of [sessionKeyPlace('wx0', 'oBob'), sessionKeyPlace('wx1', 'oAlice'), secretPlace('wx0')])
    t.is(faultOf(cipher, other, sealed), 'ciphertext_invalid');
  t.is(faultOf(cipher, previousSecretPlace('wx0'), cipher.seal(secretPlace('wx0'), 'x')), 'ciphertext_invalid');
  // A row without an app is the same whether it has NULL or ''.
  t.is(cipher.open(sessionKeyPlace('', 'o'), cipher.seal(sessionKeyPlace(null, 'o'), sessionKey)), sessionKey);
});

test('a changed value, a wrong key and a missing key are told apart', (t) => {
  const sealed = cipher.seal(place, sessionKey);
  for (let index = 'wafer:2:'.length; index < sealed.length - 1; index += 7) {
    const changed = `${sealed.slice(0, index)}${sealed[index] === 'A' ? 'B' : 'A'}${sealed.slice(index + 1)}`;
    t.is(faultOf(cipher, place, changed), 'ciphertext_invalid');
  }
  for (const stored of [
    'wafer:',
    'wafer:2:',
    'wafer:2:AAAA',
    'wafer:x:AAAA',
    'wafer:2:A A',
    sealed.replace(':2:', ':1:'),
  ])
    t.is(faultOf(cipher, place, stored), 'ciphertext_invalid', stored);
  t.is(faultOf(createColumnCipher(parseKeyRing(`2:${one}`)), place, sealed), 'ciphertext_invalid');
  t.is(faultOf(createColumnCipher(parseKeyRing(`1:${one}`)), place, sealed), 'key_missing');
  t.is(faultOf(plainCipher, place, sealed), 'key_missing');
});

test('plain values are read as they are, and nothing stays nothing', (t) => {
  for (const by of [cipher, plainCipher]) t.is(by.open(place, sessionKey), sessionKey);
  t.is(plainCipher.seal(place, sessionKey), sessionKey);
  t.is(cipher.seal(place, ''), '');
});

test('after the word plain values are written in plain and still opened', (t) => {
  const back = createColumnCipher(parseKeyRing(`plain,2:${two}`));
  t.is(back.seal(place, sessionKey), sessionKey);
  t.is(back.open(place, cipher.seal(place, sessionKey)), sessionKey);
});

test('the longest values fit their columns, with the longest version', (t) => {
  const longest = createColumnCipher(parseKeyRing(`9999:${one}`));
  t.true(longest.seal(place, 'k'.repeat(100)).length <= 191);
  t.true(longest.seal(secretPlace('wx0'), 's'.repeat(300)).length <= 500);
  // And today's in the columns as the original made them.
  t.true(longest.seal(place, sessionKey).length <= 100);
});

test('neither a key ring nor its faults show a key', (t) => {
  const shown = inspect(cipher.keys, { depth: 9, showHidden: true }) + JSON.stringify([...cipher.keys.keys]);
  for (const key of [one, two]) t.false(shown.includes(key.slice(0, 12)));
  const short = randomBytes(16).toString('base64');
  const text = `2:${two},x:${one},3:${two},2:${one},4:${short},5:${'A'.repeat(43)}=`;
  const message = t.throws(() => parseKeyRing(text), { instanceOf: TypeError }).message;
  for (const key of [one, two, short]) t.false(message.includes(key.slice(0, 8)));
  t.is(
    message,
    'must look like 2:base64,1:base64, newest first: entry 2 is not a version from 1 to 9999, a colon and base64; ' +
      'entry 3 has the same key as version 2; entry 4 has the version 2 again; ' +
      'entry 5 has 16 bytes, not 32; make one with: openssl rand -base64 32; ' +
      'entry 6 is not random; make one with: openssl rand -base64 32',
  );
});
