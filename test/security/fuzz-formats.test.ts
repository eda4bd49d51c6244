import { createCipheriv, randomBytes } from 'node:crypto';
import test from 'ava';
import * as fc from 'fast-check';
import { decryptLegacy, decryptWithIv, readText, readWatermarked } from '../../apps/worker/decrypt.ts';
import { toAsciiJson, toAsciiString } from '../../shared/protocol/ascii-json.ts';
import { parsePhpJson } from '../../shared/protocol/php-json.ts';
import { parseRequest } from '../../apps/web/request.ts';
import { decodeSession, encodeSession, type Session } from '../../shared/session/session.ts';
import { profilePhrases } from '../../shared/session/short-profile.ts';
import { decodeUserInfo, renderUserInfo } from '../../shared/session/user-info.ts';
import { fromWallClock, toWallClock } from '../../shared/session/wall-clock.ts';
import { checkProperty } from '../support/properties.ts';
import { damaged, deepText, jsonText } from './json-texts.ts';
import { isJsonForPhp } from './php-json-reference.ts';

const toBytes = (texts: fc.Arbitrary<string>) => texts.map((text) => new Uint8Array(Buffer.from(text)));
const anyBytes = fc.oneof(
  toBytes(jsonText),
  damaged(jsonText),
  toBytes(deepText),
  damaged(deepText),
  fc.uint8Array({ maxLength: 64 }),
);

test('any bytes are JSON for the server exactly when they are for PHP', async (t) => {
  await checkProperty(
    fc.property(anyBytes, (bytes) => {
      const document = parsePhpJson(bytes);
      if ((document !== undefined) !== isJsonForPhp(bytes)) throw new Error(`not the same: ${document?.text}`);
      if (document !== undefined && JSON.stringify(document.value) !== JSON.stringify(JSON.parse(document.text)))
        throw new Error('another value');
    }),
    8000,
  );
  t.pass();
});

test('any bytes are a request or a failure of the protocol, and change no prototype', async (t) => {
  await checkProperty(
    fc.property(anyBytes, (bytes) => {
      const request = parseRequest(Buffer.from(bytes));
      return request.ok || ['notJson', 'noInterfaceName', 'noParameters'].includes(request.failure);
    }),
    3000,
  );
  t.deepEqual(Object.keys(Object.prototype), []);
  t.is(({} as { polluted?: unknown }).polluted, undefined);
});

test('JSON on its way to the wire becomes ASCII that PHP reads as the same', async (t) => {
  await checkProperty(
    fc.property(jsonText, (text) => {
      fc.pre(isJsonForPhp(Buffer.from(text)));
      const wire = toAsciiJson(text);
      // oxlint-disable-next-line no-control-regex -- no byte of it may be one
      if (/[^\u0020-\u007f]/.test(wire)) throw new Error('not ASCII');
      if (!isJsonForPhp(Buffer.from(wire))) throw new Error('not JSON');
      const numbers = (json: string) => json.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '""').replaceAll(/\s/g, '');
      if (numbers(wire) !== numbers(text)) throw new Error('a number, a key or a bracket changed');
      if (JSON.stringify(JSON.parse(wire)) !== JSON.stringify(JSON.parse(text))) throw new Error('a string changed');
      if (toAsciiJson(wire) !== wire) throw new Error('not stable');
    }),
    4000,
  );
  t.pass();
});

test('any string survives the escapes', async (t) => {
  await checkProperty(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => JSON.parse(toAsciiString(text)) === text),
    3000,
  );
  t.pass();
});

const wellFormed = fc.string({ unit: 'grapheme', maxLength: 30 });
const time = fc.integer({ min: 0, max: 4_000_000_000 });
const hash = fc.string({ unit: fc.constantFrom('a', 'z', 'A', 'Z', '0', '9', '-', '_'), minLength: 22, maxLength: 22 });
/** Of what profiles are made of, in any order. */
const profileText = fc.array(fc.oneof(fc.constantFrom(...profilePhrases), fc.string())).map((parts) => parts.join(''));
const session: fc.Arbitrary<Session> = fc
  .record({
    row: fc.integer({ min: 1 }),
    appid: wellFormed,
    openId: wellFormed,
    unionId: wellFormed,
    skeyHash: hash,
    createTime: time,
    lastVisitTime: time,
    fence: fc.maxSafeNat(),
    previous: fc.option(fc.record({ skeyHash: hash, until: time }), { nil: undefined }),
    userInfoJson: fc.oneof(jsonText, profileText),
  })
  .map(({ previous, ...rest }) => (previous === undefined ? rest : { ...rest, previous }));

/** After every time that a session here has. */
const lateSeconds = 9_007_199_255;

test('any session comes back from the cache as it went in', async (t) => {
  await checkProperty(
    fc.property(session, hash, (before, tag) => {
      const after = decodeSession(encodeSession(before, tag, lateSeconds), lateSeconds);
      return JSON.stringify(sorted(after)) === JSON.stringify(sorted(before));
    }),
    2000,
  );
  t.pass();
});

const sorted = (value: object | undefined) => Object.entries(value ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));

test('any text in the cache is a session or counts as not cached', async (t) => {
  await checkProperty(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `3 ${text}\nnull`),
        fc.tuple(session, fc.nat(), fc.string({ maxLength: 3 })).map(([value, at, text]) => {
          const entry = encodeSession(value, 'tag', lateSeconds);
          return entry.slice(0, at % entry.length) + text + entry.slice((at % entry.length) + 1);
        }),
      ),
      (entry) => {
        decodeSession(entry, lateSeconds);
      },
    ),
    3000,
  );
  t.pass();
});

test('any stored user_info is a profile for the wire or null', async (t) => {
  await checkProperty(
    fc.property(
      fc.oneof(
        jsonText,
        fc.string(),
        jsonText.map((text) => Buffer.from(text).toString('base64')),
        fc.base64String(),
      ),
      (stored) => isJsonForPhp(Buffer.from(renderUserInfo(decodeUserInfo(stored)))),
    ),
    3000,
  );
  t.pass();
});

test('any second comes back from its wall-clock time, and any text is a time', async (t) => {
  await checkProperty(
    fc.property(time, fc.string(), (seconds, text) => {
      return fromWallClock(toWallClock(seconds)) === seconds && Number.isFinite(fromWallClock(text));
    }),
    1000,
  );
  t.pass();
});

const key = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  },
  fc.base64String(),
  fc.string(),
);
const anyValue = fc.oneof(
  fc.anything({ withBigInt: false }),
  fc.base64String(),
  fc.uint8Array().map((b) => Buffer.from(b).toString('base64')),
);

test('any ciphertext, iv and key decrypt to bytes or to nothing', async (t) => {
  await checkProperty(
    fc.property(key, fc.oneof(key, anyValue), anyValue, (sessionKey, iv, encryptData) => {
      const plain = [decryptLegacy(sessionKey, encryptData), decryptWithIv(sessionKey, iv, encryptData)];
      for (const bytes of plain) {
        readText(bytes);
        if (readWatermarked(bytes, 'wx') !== undefined) throw new Error('random bytes have no watermark');
      }
    }),
    6000,
  );
  t.pass();
});

test('what was encrypted decrypts, in both schemes, whatever it is', async (t) => {
  await checkProperty(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (plain, isLegacy) => {
      const secret = randomBytes(16);
      const iv = isLegacy ? secret : randomBytes(16);
      const cipher = createCipheriv('aes-128-cbc', secret, iv);
      const data = Buffer.concat([cipher.update(plain), cipher.final()]).toString('base64');
      const sessionKey = secret.toString('base64');
      const decrypted = isLegacy
        ? decryptLegacy(sessionKey, data)
        : decryptWithIv(sessionKey, iv.toString('base64'), data);
      return decrypted?.equals(plain) === true;
    }),
    2000,
  );
  t.pass();
});
