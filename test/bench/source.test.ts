import { join } from 'node:path';
import test from 'ava';
import { createRenderer } from '../../bench/load/render.ts';
import { requestParts, writeRecords, type RequestSource } from '../../bench/load/source.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const source: RequestSource = {
  method: 'POST',
  path: '/',
  headers: { Cookie: [{ from: 0, length: 2 }] },
  body: ['<', { from: 2, length: 1 }, '~', { number: true }, '>'],
  recordsFile: '',
  recordBytes: 3,
  records: 2,
  expect: '',
};

test('a request takes its slices in turn and begins again after the last', (t) => {
  const render = createRenderer(source, Buffer.from('ab1cd2'));
  t.is(
    render(requestParts(source), 3),
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: cd\r\nContent-Length: 14\r\n\r\n<2~0000000003>',
  );
});

test('records of unequal length are refused', async (t) => {
  const folder = await createTemporaryFolder('records');
  t.teardown(folder.remove);
  t.is(
    writeRecords(join(folder.path, 'equal'), 3, (index) => `r${index}`),
    2,
  );
  t.throws(() => writeRecords(join(folder.path, 'unequal'), 3, (index) => 'r'.repeat(index + 1)), {
    instanceOf: TypeError,
  });
});
