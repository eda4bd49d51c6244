import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { searchSecrets } from './secret-search.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { leftFolder, secretsFolder } from './traces.ts';

const sessionKey = 'HyVFkGl5F5OQWJZ/aNzB+g==';
const skey = '0123456789abcdef0123456789abcdef';
const code = 'alice~17';

/** Searches files with these contents for the three secrets. */
async function search(contents: Record<string, string | Buffer>) {
  const folder = await createTemporaryFolder('search');
  try {
    for (const dir of [leftFolder(folder.path), secretsFolder(folder.path)]) mkdirSync(dir);
    const secrets = [
      ['session_key', sessionKey],
      ['skey', skey],
      ['code', code],
    ];
    // Two processes have noted them.
    const lines = secrets.map((secret) => `${JSON.stringify(secret)}\n`);
    writeFileSync(join(secretsFolder(folder.path), '1.jsonl'), lines.slice(0, 2).join(''));
    writeFileSync(join(secretsFolder(folder.path), '2.jsonl'), lines.slice(1).join(''));
    for (const [name, content] of Object.entries(contents)) writeFileSync(join(leftFolder(folder.path), name), content);
    return await searchSecrets(folder.path);
  } finally {
    await folder.remove();
  }
}

test('each secret is found in each spelling, and told by file and kind alone', async (t) => {
  const result = await search({
    'a.log': `{"skey":"${skey}"} js_code=${code}&x`,
    'b.log': `${encodeURIComponent(sessionKey)} and "${sessionKey.replaceAll('/', '\\/')}"`,
    'c.aof': Buffer.from(`$24\r\n${sessionKey}\r\n\xff${skey}\0-${skey}-`, 'latin1'),
  });
  t.deepEqual([...result.found].toSorted(), [
    'a.log: code (1×)',
    'a.log: skey (1×)',
    'b.log: session_key (2×)',
    'c.aof: session_key (1×)',
    'c.aof: skey (2×)',
  ]);
  t.is(result.files, 3);
});

test('a secret is found wherever chunks of a long file meet, and at its very end', async (t) => {
  const chunk = 1 << 20;
  for (const at of [chunk - 1, chunk - 16, chunk - 32, chunk, 2 * chunk - 5]) {
    const content = Buffer.alloc(3 * chunk, ' ');
    content.write(skey, at);
    content.write(sessionKey, 3 * chunk - sessionKey.length);
    t.deepEqual([...(await search({ f: content })).found].toSorted(), ['f: session_key (1×)', 'f: skey (1×)'], `${at}`);
  }
});

test('parts of secrets, and longer words that hold one, are none', async (t) => {
  const long = Buffer.alloc(3 << 20, 'f');
  long.write(skey, 1 << 20);
  const { found, bytes } = await search({ a: `alice ${skey.slice(1)} ${skey}0 ${code}8 HyVFkGl5F5OQWJZ`, b: long });
  t.deepEqual(found, []);
  t.true(bytes > long.length);
});
