import * as fc from 'fast-check';
import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';

// Texts rather than values: duplicate keys, spellings of numbers and lone surrogates exist in texts alone.

/** Names that mean something to JavaScript, to Sequelize, to PHP or to a query language. */
const loadedNames = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'then',
  'length',
  'toJSON',
  '',
  'or',
];
const loadedStrings = ['\\ud83d\\udc3c', '\\/', '\\u0041', 'é', '🐼', '\\n', 'a\\u0000', '\\u007f'];
/** In PHP no strings, or no names. */
const refusedStrings = ['\\ud800', '\\udc00x', '\\u0000', '\\u0000name', '\\ud83d\\ud83d'];
const loadedNumbers = ['0', '-0', '1e999999', '-1E400', '9007199254740993', '18446744073709551616', '0.1e-999', '1.50'];

const stringText = fc.oneof(
  { weight: 20, arbitrary: fc.string({ maxLength: 20 }).map((text) => JSON.stringify(text)) },
  { weight: 10, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => JSON.stringify(text)) },
  { weight: 10, arbitrary: fc.constantFrom(...loadedStrings).map((text) => `"${text}"`) },
  { weight: 1, arbitrary: fc.constantFrom(...refusedStrings).map((text) => `"${text}"`) },
);
const scalarText = fc.oneof(
  stringText,
  fc.constantFrom('null', 'true', 'false', ...loadedNumbers),
  fc.double().map((value) => JSON.stringify(value)),
);
const blank = fc.constantFrom('', '', '', ' ', '\n\t', '\r  ');

/** Valid as grammar; what PHP refuses all the same may be in it. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    scalarText,
    fc.tuple(fc.array(tie('any'), { maxLength: 4, depthIdentifier: 'json' }), blank).map(([items, space]) => {
      return `[${space}${items.join(`${space},`)}]`;
    }),
    fc
      .tuple(fc.array(fc.tuple(nameText(), tie('any')), { maxLength: 4, depthIdentifier: 'json' }), blank)
      .map(([entries, space]) => `{${entries.map(([name, value]) => `${name}${space}:${value}${space}`).join()}}`),
  ),
})).any;

function nameText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(...loadedNames).map((name) => JSON.stringify(name)),
    stringText,
  );
}

/** Nesting just around PHP's limit, and far beyond it. */
export const deepText = fc
  .tuple(fc.constantFrom('[', '{"a":'), fc.constantFrom(1, 508, 509, 510, 511, 512, 513, 5000), scalarText)
  .map(([open, depth, core]) => open.repeat(depth) + core + (open === '[' ? ']' : '}').repeat(depth));

/** Bytes of a text with a few of them changed, left out or doubled. */
export function damaged(texts: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  const damage = fc.tuple(fc.nat(), fc.constantFrom('set', 'drop', 'double', 'cut'), fc.integer({ min: 0, max: 255 }));
  return fc.tuple(texts, fc.array(damage, { minLength: 1, maxLength: 3 })).map(([text, damages]) => {
    const bytes = [...Buffer.from(text)];
    for (const [at, kind, byte] of damages) {
      const index = bytes.length === 0 ? 0 : at % bytes.length;
      if (kind === 'cut') bytes.splice(index);
      else bytes.splice(index, kind === 'double' ? 0 : 1, ...(kind === 'drop' ? [] : [byte]));
    }
    return Uint8Array.from(bytes);
  });
}

const parameterNames = [
  ...new Set([...interfaceSchemas.values()].flatMap(({ para }) => Object.keys(para.shape))),
  'appid',
  'uuid[]',
];

/**
 * Requests that nearly are in order: an interface that exists or almost does, with parameters of every interface.
 * @param good parameters of a real session and log-in, as JSON texts by name
 */
export function requestText(good: fc.Arbitrary<Readonly<Record<string, string>>>): fc.Arbitrary<string> {
  // Erasures are rare, and take turns in MySQL: one for every forty calls of other interfaces.
  const names = [...interfaceSchemas.keys()]
    .flatMap((name) => (name === 'qcloud.cam.forget' ? [name] : Array<string>(4).fill(name)))
    .map((name) => JSON.stringify(name));
  const interfaceName = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...names) },
    { weight: 1, arbitrary: fc.constantFrom(...names).map((name) => name.toUpperCase()) },
    { weight: 1, arbitrary: jsonText },
  );
  const oddEntry = fc
    .tuple(
      fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...parameterNames).map((name) => JSON.stringify(name)) },
        nameText(),
      ),
      fc.oneof({ weight: 12, arbitrary: jsonText }, { weight: 1, arbitrary: deepText }),
    )
    .map((entry) => entry.join(':'));
  const odd = fc.oneof(fc.constant([]), fc.array(oddEntry, { maxLength: 2 }));
  // Later entries of one name win, so the odd ones stand on both sides.
  const entries = fc.tuple(odd, good, fc.nat({ max: 20 }), odd).map(([before, all, missing, after]) => [
    ...before,
    ...Object.entries(all)
      .filter((_, index) => index !== missing)
      .map(([name, value]) => `"${name}":${value}`),
    ...after,
  ]);
  const para = fc.oneof(
    { weight: 20, arbitrary: entries.map((list) => `{${list.join()}}`) },
    { weight: 1, arbitrary: jsonText },
    { weight: 1, arbitrary: fc.constantFrom('null', '[]', '""', '{}') },
  );
  const call = fc
    .tuple(interfaceName, para, odd)
    .map(([name, value, more]) => `{${[`"interfaceName":${name}`, `"para":${value}`, ...more].join()}}`);
  return fc
    .tuple(fc.oneof({ weight: 25, arbitrary: call }, { weight: 1, arbitrary: jsonText }), odd)
    .map(([value, more]) => `{${[`"version":1`, `"interface":${value}`, ...more].join()}}`);
}
