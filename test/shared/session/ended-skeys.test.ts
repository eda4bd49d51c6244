import { randomBytes } from 'node:crypto';
import test from 'ava';
import {
  encodeEnd,
  endedSkeysBytes,
  endReasons,
  findEnd,
  type EndReason,
} from '../../../shared/session/ended-skeys.ts';
import { hashSkey } from '../../../shared/session/skey.ts';

const now = 1_800_000_000;
const day = 86_400;
const entryOf = (skey: string, reason: EndReason, time = now) =>
  Buffer.concat([Buffer.from(encodeEnd(reason, time), 'hex'), Buffer.from(hashSkey(skey), 'base64url')]);

test('each of a full list of skeys is found with its reason, and no other', (t) => {
  const skeys = Array.from({ length: 8 }, (_, index) => `skey ${index}`);
  const reasonOf = (index: number) => endReasons[index % endReasons.length] as EndReason;
  const entries = Buffer.concat(skeys.map((skey, index) => entryOf(skey, reasonOf(index))));
  t.is(entries.length, endedSkeysBytes);
  t.deepEqual(
    skeys.map((skey) => findEnd(entries, hashSkey(skey), now)),
    skeys.map((_, index) => reasonOf(index)),
  );
  for (let count = 0; count < 10_000; count++)
    t.is(findEnd(entries, hashSkey(randomBytes(16).toString('hex')), now), undefined);
});

test('an end is told for thirty days, and no longer', (t) => {
  const entries = entryOf('skey', 'revoked', now - 30 * day);
  t.is(findEnd(entries, hashSkey('skey'), now), 'revoked');
  t.is(findEnd(entries, hashSkey('skey'), now + 1), undefined);
});

test('of two ends of one skey the later counts', (t) => {
  const entries = Buffer.concat([entryOf('skey', 'logged_out'), entryOf('skey', 'replaced', now - day)]);
  t.is(findEnd(entries, hashSkey('skey'), now), 'logged_out');
});

test('what is cut off, empty or of a later version is no reason', (t) => {
  const entry = entryOf('skey', 'idle');
  t.is(findEnd(undefined, hashSkey('skey'), now), undefined);
  t.is(findEnd(entry.subarray(0, 20), hashSkey('skey'), now), undefined);
  entry.writeUInt8(200, 4);
  t.is(findEnd(entry, hashSkey('skey'), now), undefined);
});
