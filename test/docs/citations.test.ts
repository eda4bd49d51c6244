import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { anchorsOf, withoutCodeBlocks } from './markdown.ts';
import { files, pages, placeOf, read, sources } from './repository.ts';

const known = new Set(files);
const folders = new Set(files.flatMap((file) => parentsOf(file)));
const anchors = new Map(pages.map((page) => [page, anchorsOf(read(page))]));
const decisions = new Set(pages.flatMap((page) => /^docs\/adr\/0*(\d+)-/.exec(page)?.slice(1) ?? []));

test('every link in the documentation leads to a file and an anchor that exist', (t) => {
  const broken = pages.flatMap((page) => {
    const text = read(page);
    return [...withoutCodeBlocks(text).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)]
      .map(([, inline, reference], index) => ({ target: inline ?? reference ?? '', index }))
      .filter(({ target }) => !/^[a-z]+:/.test(target) && !leadsSomewhere(dirname(page), target, page))
      .map(({ target }) => `${page}: ${target}`);
  });
  t.deepEqual(broken, []);
});

test('every page that is cited by name exists, with its anchor', (t) => {
  const broken = [...sources, ...pages].flatMap((file) => {
    const text = read(file);
    return [...text.matchAll(/(?<![\w./@<>-])((?:[\w.-]+\/)*\w[\w.-]*\.md)(#[\p{L}\p{N}_-]+)?/gu)]
      .filter(
        ([, path = '', anchor = '']) =>
          !['.', 'docs', dirname(file)].some((from) => leadsSomewhere(from, path + anchor, file)),
      )
      .map((match) => `${placeOf(file, text, match.index)}: ${match[0]}`);
  });
  t.deepEqual(broken, []);
});

test('every decision that is cited by number exists', (t) => {
  const broken = [...sources, ...pages].flatMap((file) => {
    const text = read(file);
    return [...text.matchAll(/\bADRs? (\d+)\b/g)]
      .filter(([, number = '']) => !decisions.has(number))
      .map((match) => `${placeOf(file, text, match.index)}: ${match[0]}`);
  });
  t.deepEqual(broken, []);
});

/** Whether a target such as `api.md#forward-auth`, seen from this folder, exists. Without a file it is in the page itself. */
function leadsSomewhere(folder: string, target: string, page: string): boolean {
  const [path = '', anchor] = decodeURIComponent(target).split('#');
  const file = path === '' ? page : normalize(join(folder, path)).replace(/\/$/, '');
  if (!known.has(file) && !folders.has(file)) return false;
  return anchor === undefined || (anchors.get(file)?.has(anchor) ?? false);
}

function parentsOf(file: string): string[] {
  const parent = dirname(file);
  return parent === '.' ? [] : [parent, ...parentsOf(parent)];
}
