import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { rootDir } from '../support/built.ts';

const text = readFileSync(join(rootDir, 'docs/security.md'), 'utf8');
const named = [...text.matchAll(/`(test\/[^`]+\.ts)` “([^”]+)”/g)];

test('security.md names tests that are there, by file and title', (t) => {
  t.true(named.length > 30);
  for (const [, file = '', title = ''] of named) {
    const path = join(rootDir, file);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    // Also of a test that runs in several ways, which its title names last.
    t.true(text.includes(`'${title}',`) || text.includes(`\`${title}, \${how}\`,`), `${file} “${title}”`);
  }
  t.is(named.length, [...text.matchAll(/`test\/[^`]+\.ts`/g)].length, 'each file with a title');
});

test('security.md speaks of every requirement of ASVS 5.0, chapter 7', (t) => {
  const sections: Record<string, number> = { '7.1': 3, '7.2': 4, '7.3': 2, '7.4': 5, '7.5': 3, '7.6': 2 };
  for (const [section, count] of Object.entries(sections)) {
    for (let number = 1; number <= count; number++)
      t.regex(text, new RegExp(`^\\| (7[^|]*, )?${section}\\.${number}\\b`, 'm'));
  }
});

test('of the console security.md speaks of every requirement of chapters 6, 7 and 8', (t) => {
  const [, console = ''] = text.split('<a id="the-console"></a>');
  const sections = '6.1:3 6.2:12 6.3:8 6.4:6 6.5:8 6.8:3 7.1:3 7.2:4 7.3:2 7.4:5 7.5:3 7.6:2 8.1:4 8.2:4 8.3:3 8.4:2';
  for (const [section, count] of sections.split(' ').map((each) => each.split(':')))
    for (let number = 1; number <= Number(count); number++)
      t.regex(console, new RegExp(`^\\|[^|]*\\b${section}\\.${number}\\b`, 'm'), `${section}.${number}`);
});
