import { createCipheriv, randomBytes } from 'node:crypto';
import test from 'ava';
import { decryptWithIv } from '../../../apps/worker/decrypt.ts';
import { noteSecret } from '../../support/traces.ts';

const text = JSON.stringify({ openId: 'o', nickName: '小😀', watermark: { appid: 'wx', timestamp: 1 } });

/** As WeChat encrypts, with plus signs in both. */
function encrypt(): { key: string; iv: string; data: string } {
  for (;;) {
    const [key, iv] = [randomBytes(16), randomBytes(16)];
    const cipher = createCipheriv('aes-128-cbc', key, iv);
    const data = Buffer.concat([cipher.update(text), cipher.final()]).toString('base64');
    const sealed = { key: key.toString('base64'), iv: iv.toString('base64'), data };
    noteSecret('session key', sealed.key);
    if (sealed.iv.includes('+') && data.includes('+')) return sealed;
  }
}

const wrap = (data: string, between: string) => (data.match(/.{1,76}/g) ?? []).join(between);

test('spaces in data or iv are read as the plus signs that they were', (t) => {
  for (let round = 0; round < 100; round++) {
    const { key, iv, data } = encrypt();
    for (const [sentIv, sentData] of [
      [iv, data],
      [iv.replaceAll('+', ' '), data],
      [iv, data.replaceAll('+', ' ')],
      [iv.replaceAll('+', ' '), data.replaceAll('+', ' ')],
      [iv.replaceAll('+', ' '), wrap(data.replaceAll('+', ' '), '\r\n')],
    ] as const)
      t.is(decryptWithIv(key, sentIv, sentData)?.toString(), text);
  }
});

test('white space that is nothing but that is skipped, as in the original', (t) => {
  for (let round = 0; round < 100; round++) {
    const { key, iv, data } = encrypt();
    for (const between of ['\n', '\r\n', ' ', '    ', '\t', '\n '])
      t.is(decryptWithIv(key, iv, wrap(data, between))?.toString(), text);
    for (const around of [` ${data}`, `${data} `, `  ${data}\n`])
      t.is(decryptWithIv(key, iv, around)?.toString(), text);
  }
});

test('an iv of another length stays none, with spaces too', (t) => {
  const { key, iv, data } = encrypt();
  for (const wrong of [` ${iv}`, `${iv} `, iv.slice(1), iv.replace('+', ''), ' '.repeat(25), ''])
    t.is(decryptWithIv(key, wrong, data), undefined);
});
