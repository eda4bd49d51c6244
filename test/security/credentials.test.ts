import test from 'ava';
import { createCredential, equalHash, hashSkey } from '../../shared/session/skey.ts';

test('ids and skeys are 128 random bits each and never come twice', (t) => {
  const count = 20_000;
  const all = Array.from({ length: count }, createCredential);
  t.true(all.every((credential) => /^[0-9a-f]{32}$/.test(credential)));
  t.is(new Set(all).size, count);
  // Each of the 128 bits is set in about half of them; a fair one is further off than this once in 10^12 tests.
  for (let digit = 0; digit < 32; digit++) {
    for (let bit = 0; bit < 4; bit++) {
      const set = all.filter((credential) => (Number.parseInt(credential.charAt(digit), 16) >> bit) & 1).length;
      t.true(Math.abs(set - count / 2) < 5.5 * Math.sqrt(count) * 0.75, `bit ${bit} of digit ${digit}: ${set}`);
    }
  }
});

test('an skey is kept as a hash, and only the same one matches', (t) => {
  const skey = createCredential();
  t.false(hashSkey(skey).includes(skey));
  t.true(equalHash(hashSkey(skey), hashSkey(skey)));
  t.false(equalHash(hashSkey(skey), hashSkey(skey.toUpperCase())));
  t.false(equalHash(hashSkey(skey), ''));
});
