import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { rootDir } from '../support/built.ts';

interface LockedPackage {
  readonly dev?: boolean;
  readonly license?: string;
  /** To a package of our own. */
  readonly link?: boolean;
}

const read = (file: string) => JSON.parse(readFileSync(join(rootDir, file), 'utf8')) as Record<string, unknown>;
const packages = Object.entries(read('package-lock.json')['packages'] as Record<string, LockedPackage>).filter(
  ([path, { link }]) => path !== '' && link !== true && !path.startsWith('packages/'),
);
const ofProduction = packages.filter(([, { dev }]) => dev !== true);

/** What asks for no more than to be named: an MIT product may be passed on with these, in an image too. */
const permissive = new Set([
  'MIT',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
  '(MIT OR CC0-1.0)',
  // The public domain.
  'Unlicense',
]);

/** npm writes no licence of packages for other platforms into the lock file: those have that of the one that they are built from. */
function licenceOf(path: string, { license }: LockedPackage): string | undefined {
  const [, source] = /^node_modules\/@msgpackr-extract\/(msgpackr-extract)-[\w-]+$/.exec(path) ?? [];
  return license ?? packages.find(([each]) => each === `node_modules/${source}`)?.[1].license;
}

test('every package that a production install has may be passed on with an MIT product', (t) => {
  t.true(ofProduction.length > 100);
  const others = ofProduction.filter(([path, entry]) => !permissive.has(licenceOf(path, entry) ?? ''));
  t.deepEqual(
    others.map(([path, { license }]) => `${path}: ${license}`),
    [],
  );
});

test('pm2 is for those who install everything, and no program of ours needs it', (t) => {
  const { dependencies, devDependencies } = read('package.json') as Record<string, Record<string, string>>;
  t.is(dependencies?.['pm2'], undefined);
  t.truthy(devDependencies?.['pm2']);
  t.deepEqual(
    ofProduction.filter(([path]) => /(^|\/)(pm2|@pm2)(\/|$)/.test(path)).map(([path]) => path),
    [],
  );
});
