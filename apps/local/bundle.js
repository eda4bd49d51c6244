// Writes each program of dist/apps again, with what it imports in few files: docs/adr/0059-bundles.md. After tsc, whose output of
// everything else stays as it is.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const rootDir = fileURLToPath(new URL('../..', import.meta.url));
const outputDir = join(rootDir, 'dist', 'apps');
/** What programs share, in outputDir. */
const sharedFolder = 'chunks';

const programs = [
  ...readdirSync(join(rootDir, 'apps'))
    .map((app) => `${app}/main`)
    .filter((name) => existsSync(join(rootDir, 'apps', `${name}.ts`))),
  'cli/migrate',
];

/** Umzug's command line, which we do not use, would bring a parser of command lines that can't be bundled. */
const withoutCommandLine = {
  name: 'without-command-line',
  resolveId: {
    filter: { id: /^\.\/cli$/ },
    handler: (_id, importer) => (/\/umzug\/lib\//.test(importer) ? '\0no-command-line' : undefined),
  },
  load: { filter: { id: /^\0no-command-line$/ }, handler: () => 'export class UmzugCLI {}' },
};

const build = await rolldown({
  cwd: rootDir,
  input: Object.fromEntries(programs.map((name) => [name, join(rootDir, 'apps', `${name}.ts`)])),
  platform: 'node',
  tsconfig: join(rootDir, 'tsconfig.json'),
  external: [
    // Native (findings/rolldown-msgpackr-native.sh), or look for files of their own.
    '@node-rs/argon2',
    'msgpackr-extract',
    /^@bull-board\//,
    // Sequelize's, for databases that we do not have; BullMQ's, for a client that we do not use.
    /^pg(-hstore)?$/,
    '@valkey/valkey-glide',
  ],
  // What runs is what ran before: nothing is left out because a package says that nobody misses it.
  treeshake: false,
  plugins: [withoutCommandLine],
  checks: { eval: false },
});
const { output } = await build.generate({
  dir: outputDir,
  format: 'esm',
  // The comment that names a map is added below.
  sourcemap: 'hidden',
  sourcemapExcludeSources: true,
  entryFileNames: '[name].js',
  chunkFileNames: ({ name }) => `${sharedFolder}/${isOfPackages(name) ? 'packages' : name}-[hash].js`,
  codeSplitting: { groups: [{ name: 'packages', test: /\/node_modules\//, entriesAware: true }] },
});
await build.close();

mkdirSync(join(outputDir, sharedFolder), { recursive: true });
const written = new Set();
// The programs last: what they import is there by then.
for (const chunk of output
  .filter(({ type }) => type === 'chunk')
  .toSorted((one, other) => one.isEntry - other.isEntry)) {
  const { fileName, name, map } = chunk;
  // Node reads every map at the start. Those of packages would cost a third of the memory of a process, to say lines of files that few know.
  const hasMap = map !== null && !isOfPackages(name);
  if (hasMap) write(`${fileName}.map`, map.toString());
  write(fileName, hasMap ? `${chunk.code}//# sourceMappingURL=${fileName.split('/').at(-1)}.map\n` : chunk.code);
}
for (const name of readdirSync(join(outputDir, sharedFolder)))
  if (!written.has(`${sharedFolder}/${name}`)) rmSync(join(outputDir, sharedFolder, name));

function write(name, text) {
  written.add(name);
  writeFileSync(join(outputDir, name), text);
}

function isOfPackages(name) {
  return name.startsWith('packages');
}
