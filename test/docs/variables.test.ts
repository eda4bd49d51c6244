import test from 'ava';
import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';
import { configVariables, readConfig } from '../../shared/config/config.ts';
import { failures } from '../../shared/protocol/return-codes.ts';
import { codeBlocksOf, codeSpansOf, differenceOf, noDifference } from './markdown.ts';
import { files, pages, read, sources } from './repository.ts';

/** Pages with the table of variables, one for each language. */
const tables = ['docs/configuration.md', 'docs/configuration.zh-CN.md'];
const template = read('.env.example');
const templateLines = [...template.matchAll(/^(# )?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(
  ([, comment, name = '', value = '']) => ({ isDefault: comment !== undefined, name, value }),
);
const required = { DATABASE_URL: 'mysql://user@127.0.0.1/cAuth', REDIS_URL: 'redis://127.0.0.1' };
/** Variables of other programs, and errors of the SDKs and of the original. */
const foreign = new Set(
  (
    'ERR_CHECK_LOGIN_FAILED ERR_INVALID_SESSION ERR_LOGIN_FAILED UPDATE_LASTVISITTIME_ERR ' +
    'FAST_CHECK_PATH FAST_CHECK_RUNS FAST_CHECK_SEED NODE_APP_INSTANCE NODE_ENV NODE_EXTRA_CA_CERTS NODE_OPTIONS ' +
    'WECHAT_TEST_SECRET WECHAT_TEST_COMPONENT_TOKEN WECHAT_TEST_AUTHORIZER_TOKEN VERIFY_CA VERIFY_IDENTITY'
  ).split(' '),
);
const messages = new Set<string>([
  ...Object.values(failures).map(({ message }) => message),
  ...[...interfaceSchemas.values()].flatMap((schema) => schema.messages),
]);

/** What the programs read beside the configuration: the simulated WeChat, `npm start`, pm2, Docker Compose. */
const others = new Set([
  ...namesIn('apps/wechat-simulator/environment.ts', /^ {2}([A-Z][A-Z0-9_]+):/gm),
  ...namesIn('apps/local/settings.ts', /given\['(START_[A-Z_]+)'/g),
  ...namesIn('ecosystem.config.js', /readProcessCount\('([A-Z_]+)'/g),
  ...namesIn('docker-compose.yml', /\$\{([A-Z][A-Z0-9_]+)/g),
]);
const known = new Set([...configVariables, ...others]);

test('every variable that the programs read is in .env.example', (t) => {
  const listed = new Set(templateLines.map(({ name }) => name));
  t.deepEqual(
    [...known].filter((name) => !listed.has(name)),
    [],
  );
});

test('every variable of .env.example is one that some program reads', (t) => {
  t.deepEqual(
    templateLines.map(({ name }) => name).filter((name) => !known.has(name)),
    [],
  );
});

for (const page of tables) {
  test(`the table of ${page} has every variable of the configuration, and no other`, (t) => {
    const named = rowsOf(page).flatMap(({ names }) => names);
    t.deepEqual(differenceOf(named, [...configVariables, 'WEB_PROCESSES']), noDifference);
  });

  test(`the defaults in the table of ${page} are those of the configuration`, (t) => {
    for (const { names, defaults } of rowsOf(page)) {
      names.forEach((name, index) => {
        const value = (defaults[index] ?? '').replaceAll('`', '');
        if (!configVariables.includes(name) || !isValue(value)) return;
        t.deepEqual(readConfig({ ...required, [name]: value }), readConfig(required), `${name} ${value}`);
      });
    }
  });
}

test('the values that stand in .env.example behind a # are the defaults', (t) => {
  for (const { isDefault, name, value } of templateLines) {
    if (!isDefault || value === '' || name === 'WAFER_KEYS' || name === 'WORKER_HEALTH_PORT') continue;
    if (configVariables.includes(name))
      t.deepEqual(readConfig({ ...required, [name]: value }), readConfig(required), `${name}=${value}`);
  }
});

test('every variable that a page names is one that some program reads', (t) => {
  const unknown = pages.flatMap((page) => {
    const text = read(page);
    return [...codeSpansOf(text), ...codeBlocksOf(text)]
      .flatMap((code) => code.match(/(?<![\w.:-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w(-])/g) ?? [])
      .filter((name) => !known.has(name) && !foreign.has(name) && !messages.has(name))
      .map((name) => `${page}: ${name}`);
  });
  t.deepEqual(unknown, []);
});

test('every variable that a program reads by name is known to its configuration', (t) => {
  const ofTheSystem = new Set([
    'PATH',
    'PM2_HOME',
    'PM2_USAGE',
    'LOCALAPPDATA',
    'SUDO_USER',
    'TMPDIR',
    'HOME',
    'NODE_APP_INSTANCE',
  ]);
  const product = sources.filter((file) => /^(?:apps|shared)\/.*\.(?:ts|js)$/.test(file));
  const unknown = product.flatMap((file) =>
    [...read(file).matchAll(/\b(?:env|given|variables)(?:\.|\[')([A-Z][A-Z0-9_]+)/g)]
      .map(([, name = '']) => name)
      .filter((name) => !known.has(name) && !ofTheSystem.has(name))
      .map((name) => `${file}: ${name}`),
  );
  t.deepEqual(unknown, []);
});

interface Row {
  readonly names: readonly string[];
  readonly defaults: readonly string[];
}

/** Rows of the table of variables; two of them may share a row. */
function rowsOf(page: string): Row[] {
  const [table = ''] = /^\| (?:variable|变量) \|(?:.*\|\n)+/m.exec(read(page)) ?? [];
  return table
    .split('\n')
    .filter((line) => /^\| `[A-Z][A-Z0-9_]+`/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, names = '', defaults = '']) => ({
      names: [...names.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name = '']) => name),
      defaults: defaults.split(/, |、/),
    }));
}

/** Other than words such as "required" or "everybody", and the name of another variable. */
function isValue(text: string): boolean {
  return /^(?:\d|true$|false$|https?:|info$)/.test(text);
}

function namesIn(file: string, pattern: RegExp): string[] {
  return files.includes(file) ? [...read(file).matchAll(pattern)].map(([, name = '']) => name) : [];
}
