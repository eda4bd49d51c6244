import { dirname, extname } from 'node:path';
import test from 'ava';
import { codeSpansOf, withoutCodeBlocks } from './markdown.ts';
import { files, pages, placeOf, read, sources } from './repository.ts';

const folders = [...new Set(files.flatMap((file) => parentsOf(file)))];
const isOfOthers = /^(?:application|text)\/|^qcloud\/|(?:^|\/)node_modules\b|^\.data\b|^@|^dist\/$|^sbom\.cdx\.json$/;
/** What names a file: an ending of ours. A path that ends otherwise is a folder, or a module without its ending. */
const ending = /[\w}>*]\.(?:ts|js|md|sql|yml|yaml|json|conf|service)$/;

test('every file and folder that a page names in code exists', (t) => {
  const missing = pages.filter(isCurrent).flatMap((page) =>
    codeSpansOf(read(page))
      .filter((span) => /^[\w.@{}<*][\w.@{},<>*/-]*$/.test(span) && (span.includes('/') || ending.test(span)))
      .filter((span) => !isThere(span))
      .map((span) => `${page}: ${span}`),
  );
  t.deepEqual(missing, []);
});

test('every file that a comment names exists', (t) => {
  const missing = sources
    .filter((file) => !file.startsWith('examples/') && !file.endsWith('.json'))
    .flatMap((file) => {
      const text = read(file);
      return [...text.matchAll(/\/\*[^]*?\*\/|(?<=^|\s)(?:\/\/|#|--) .*$/gm)].flatMap((comment) =>
        [
          ...comment[0].matchAll(
            /(?<![\w/.@{<$-])(?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.(?:ts|js|md|sql|yml|yaml|json|conf)\b/g,
          ),
        ]
          .filter(([name]) => !isThere(name))
          .map(({ 0: name, index }) => `${placeOf(file, text, comment.index + index)}: ${name}`),
      );
    });
  t.deepEqual(missing, []);
});

test('no code span of a page goes over the end of a line', (t) => {
  const broken = pages.flatMap((page) =>
    withoutCodeBlocks(read(page))
      .split('\n')
      .flatMap((line, index) => ((line.match(/`/g)?.length ?? 0) % 2 === 1 ? [`${page}:${index + 1}: ${line}`] : [])),
  );
  t.deepEqual(broken, []);
});

/** A decision that was superseded speaks of its own time, and so does a diary. */
function isCurrent(page: string): boolean {
  return !page.startsWith('docs/performance/') && !/^Status: superseded/m.test(read(page));
}

/** Whether some file or folder ends with this path: `gate.ts`, `access/gate`, `shared/{log,redis}/`, `jobs/<name>.ts`. */
function isThere(path: string): boolean {
  if (isOfOthers.test(path)) return true;
  return alternativesOf(path.replace(/^dist\//, '').replace(/\/$/, '')).every((each) => {
    const pattern = each.replaceAll(/[.+?^$()[\]\\]/g, String.raw`\$&`).replaceAll(/<\w+>|\*+/g, '[^/]+');
    const wanted = new RegExp(`(?:^|/)${pattern}$`);
    // What is compiled is named as it runs.
    const compiled = new RegExp(`(?:^|/)${pattern.replace(/\\\.js$/, String.raw`\.ts`)}$`);
    return (
      files.some((file) => wanted.test(file) || compiled.test(file)) ||
      folders.some((folder) => wanted.test(folder)) ||
      (each.includes('/') && files.some((file) => wanted.test(file.slice(0, -extname(file).length))))
    );
  });
}

/** `{a,b}/c` means `a/c` and `b/c`. */
function alternativesOf(path: string): string[] {
  const [, before = '', list, after = ''] = /^(.*?)\{([^}]*)\}(.*)$/.exec(path) ?? [];
  return list === undefined ? [path] : list.split(',').flatMap((each) => alternativesOf(before + each + after));
}

function parentsOf(file: string): string[] {
  const parent = dirname(file);
  return parent === '.' ? [] : [parent, ...parentsOf(parent)];
}
