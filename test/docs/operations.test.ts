import test from 'ava';
import { queueOfCall } from '../../shared/rpc/contract.ts';
import { pages, read, sources } from './repository.ts';

const product = sources.filter((file) => /^(?:apps|shared)\//.test(file)).map((file) => ({ file, text: read(file) }));
const literalsIn = (folder: string, pattern: RegExp): Set<string> =>
  new Set(
    product
      .filter(({ file }) => file.startsWith(folder))
      .flatMap(({ text }) => [...text.matchAll(pattern)].map(([, literal = '']) => literal)),
  );
const metrics = literalsIn('', /'(wafer_[a-z_]+)'/g);
const causes = literalsIn('', /'([a-z]+(?:_[a-z]+)+|overload)'/g);

test('every metric that a page names exists', (t) => {
  const unknown = pages.flatMap((page) =>
    [...read(page).matchAll(/`[^`\n]*?\b(wafer_[a-z_]+)/g)]
      .map(([, name = '']) => name)
      .filter((name) => !metrics.has(name) && !metrics.has(name.replace(/_(?:bucket|count|sum)$/, '')))
      .map((name) => `${page}: ${name}`),
  );
  t.deepEqual(unknown, []);
});

for (const page of ['docs/operations.md', 'docs/operations.zh-CN.md']) {
  test(`${page} has every metric`, (t) => {
    const text = read(page);
    t.deepEqual(
      [...metrics].filter((metric) => !text.includes(metric)),
      [],
    );
  });
}

for (const page of ['docs/operations.md', 'docs/operations.zh-CN.md']) {
  test(`${page} names every call that a worker counts, and no other`, (t) => {
    const [, row = ''] = /^\| `wafer_jobs_total\{call,code\}` \|(.+)$/m.exec(read(page)) ?? [];
    const named = [...row.matchAll(/`(\w+)`/g)].map(([, name = '']) => name).filter((name) => name !== 'dropped');
    t.deepEqual(named.toSorted(), Object.keys(queueOfCall).toSorted());
  });

  test(`the causes in the tables of ${page} are words of the doctor`, (t) => {
    const rows = read(page)
      .split('\n')
      .map((line) => line.split(/(?<!\\)\|/))
      .filter((cells) => cells.length === 7)
      .map((cells) => cells[4] ?? '');
    const named = rows.flatMap((cell) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, cause = '']) => cause));
    t.true(named.length > 30);
    t.deepEqual(
      named.filter((cause) => !causes.has(cause)),
      [],
    );
  });
}
