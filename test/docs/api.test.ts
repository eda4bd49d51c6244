import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';
import { failures } from '../../shared/protocol/return-codes.ts';
import { rootDir } from '../support/built.ts';

const pages = ['api.md', 'api.zh-CN.md'].map((name) => ({
  name,
  text: readFileSync(join(rootDir, 'docs', name), 'utf8'),
}));

for (const { name, text } of pages) {
  test(`${name} has a section with the parameters and messages of every interface`, (t) => {
    const sections = new Map(text.split('\n### ').map((section) => [section.slice(0, section.indexOf('\n')), section]));
    for (const [interfaceName, { para, messages }] of interfaceSchemas) {
      const section = sections.get(interfaceName)?.split('\n## ')[0];
      t.truthy(section, interfaceName);
      for (const word of [...Object.keys(para.shape), ...messages]) {
        t.true(section?.includes(`\`${word}\``), `${interfaceName}: ${word}`);
      }
    }
  });

  test(`${name} has one table of exactly the interfaces that there are`, (t) => {
    const rows = [...text.matchAll(/^\| `(qcloud\.cam\.\w+)`/gm)].map(([, interfaceName = '']) => interfaceName);
    t.deepEqual(rows.toSorted(), [...interfaceSchemas.keys()].toSorted());
  });

  test(`${name} has one table of exactly the return codes that occur`, (t) => {
    const rows = [...text.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, code, message]) => `${code} ${message}`);
    const expected = Object.values(failures).map(({ code, message }) => `${code} ${message}`);
    t.deepEqual(rows.toSorted(), expected.toSorted());
  });
}

for (const page of ['production.md', 'production.zh-CN.md']) {
  test(`${page} names every interface that a caller may be granted`, (t) => {
    const text = readFileSync(join(rootDir, 'docs', page), 'utf8');
    const [, paragraph = ''] = /^ {2}(\*\*.+`--may`[^]+?caller_not_permitted)/m.exec(text) ?? [];
    for (const name of interfaceSchemas.keys())
      t.true(paragraph.includes(`\`${name.replace('qcloud.cam.', '')}\``), name);
  });
}
