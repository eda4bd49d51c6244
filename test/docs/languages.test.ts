import test from 'ava';
import { codeBlocksOf, codeSpansOf, differenceOf, noDifference } from './markdown.ts';
import { pages, read } from './repository.ts';

/** Pages that exist in both languages and say the same. */
const twins = pages
  .filter((page) => page.endsWith('.zh-CN.md'))
  .map((page) => ({ english: page.replace('.zh-CN', ''), chinese: page }));

for (const { english, chinese } of twins) {
  test(`${english} and ${chinese} have the same sections, code blocks and tables`, (t) => {
    const [one, other] = [read(english), read(chinese)];
    t.deepEqual(shapeOf(other), shapeOf(one));
    t.deepEqual(codeBlocksOf(other).map(withoutProse), codeBlocksOf(one).map(withoutProse));
  });

  test(`${english} and ${chinese} name the same commands, variables and other code`, (t) => {
    t.deepEqual(differenceOf(codeWordsOf(english), codeWordsOf(chinese)), noDifference);
  });
}

test('the guides to use and operation exist in both languages', (t) => {
  const guides = [
    'README.md',
    ...['adopting', 'api', 'architecture', 'configuration', 'operations', 'production', 'protocol'].map(
      (name) => `docs/${name}.md`,
    ),
  ];
  t.deepEqual(
    differenceOf(
      guides,
      twins.map(({ english }) => english),
    ).first,
    [],
  );
});

test('both languages have the same links to pages of their own language', (t) => {
  for (const { chinese } of twins) {
    const toEnglish = [...read(chinese).matchAll(/\]\(([\w./-]+\.md)\b[^)]*\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !target.endsWith('.zh-CN.md'))
      .filter((target) => target !== chinese.replace('.zh-CN', '').replace(/^.*\//, ''))
      .filter((target) => twins.some(({ english }) => english === target || english === `docs/${target}`));
    t.deepEqual(toEnglish, [], chinese);
  }
});

/** Headings, anchors, tables and lists, without their words. */
function shapeOf(page: string): string[] {
  return [...page.matchAll(/^#+ |<a id="[^"]+">|^\|(?:---\|)+$|^\d+\. /gm)].map(([part]) => part);
}

/** Comments in a code block and labels in a picture are in the language of the page. */
function withoutProse(block: string): string {
  const unlabelled = block.startsWith('```mermaid') ? block.replaceAll(/"[^"]*"/g, '""') : block;
  return unlabelled.replaceAll(/(?:^|\s+)(?:#|\/\/|--) .*$/gm, '');
}

function codeWordsOf(page: string): string[] {
  return codeSpansOf(read(page)).map((span) => span.replaceAll(/<[^>]+>/g, '<…>'));
}
