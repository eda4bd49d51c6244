import test from 'ava';
import { placeOf, read, sources } from './repository.ts';

const maxLength = 80;
/** In any quotes. */
const title = /\btest(?:\.\w+)*\(\s*(?:'((?:[^'\\]|\\.)+)'|"([^"]+)"|`([^`]+)`),/g;

test(`no title of a test has more than ${maxLength} characters, not counting what is put in`, (t) => {
  let count = 0;
  const long: string[] = [];
  for (const file of sources.filter((each) => each.endsWith('.test.ts'))) {
    const text = read(file);
    for (const match of text.matchAll(title)) {
      count++;
      const words = (match[1]?.replaceAll("\\'", "'") ?? match[2] ?? match[3] ?? '').replaceAll(/\$\{[^}]*\}/g, '');
      if (words.length > maxLength) long.push(`${placeOf(file, text, match.index)} (${words.length}): ${words}`);
    }
  }
  t.true(count > 500);
  t.deepEqual(long, []);
});
