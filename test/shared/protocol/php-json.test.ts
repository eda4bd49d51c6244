import test from 'ava';
import { parsePhpJsonText } from '../../../shared/protocol/php-json.ts';
import { createRandom } from '../../support/random.ts';

/** What JSON.parse was asked meanwhile. */
function parsedDuring(work: () => void): string[] {
  const { parse } = JSON;
  const parsed: string[] = [];
  JSON.parse = (text: string) => {
    parsed.push(text);
    return parse(text) as unknown;
  };
  try {
    work();
  } finally {
    JSON.parse = parse;
  }
  return parsed;
}

const nested = (depth: number, inner: string): string =>
  depth % 2 === 0 ? `${'[{"a":'.repeat(depth / 2)}${inner}${'}]'.repeat(depth / 2)}` : `[${nested(depth - 1, inner)}]`;

test('brackets are counted before anything is parsed, whether they are closed or not', (t) => {
  const bombs = [
    '['.repeat(60_000),
    '{"a":'.repeat(12_000),
    `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    nested(512, '1'),
  ];
  for (const text of bombs) {
    const parsed = parsedDuring(() => t.is(parsePhpJsonText(text), undefined));
    t.deepEqual(parsed, [], text.slice(0, 20));
  }
  t.not(parsePhpJsonText(nested(511, '1')), undefined);
});

test('brackets in strings do not count, and many that nest little are as good as few', (t) => {
  const strings = ['[', '{', '\\"[', '\\\\', '\\"{\\"', ']', '\\u005b[', '[['.repeat(600)];
  const random = createRandom(11);
  const pick = () => strings[Math.floor(random() * strings.length)] as string;
  for (let round = 0; round < 300; round++) {
    const depth = 505 + Math.floor(random() * 12);
    const text = `[${Array.from({ length: 20 }, () => `"${pick()}",[],{"${pick()}":{}}`).join(',')},${nested(depth - 1, `"${pick()}"`)}]`;
    t.is(parsePhpJsonText(text) !== undefined, depth <= 511, `${depth}`);
  }
});
