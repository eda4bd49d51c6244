import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

import { rootDir } from '../support/built.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

test('both packages can be imported, required and compiled against', async (t) => {
  const folder = await createTemporaryFolder('packages');
  t.teardown(folder.remove);
  const packed: Packed[] = [];
  for (const name of ['client', 'node']) {
    // The client is compiled already, and read by other tests.
    const flags = name === 'client' ? ['--ignore-scripts'] : [];
    const args = ['pack', '--json', '--pack-destination', folder.path, ...flags];
    const { stdout } = await run('npm', args, { cwd: join(rootDir, 'packages', name) });
    packed.push(...(JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as Packed[]));
  }
  const isExpected = /^(?:LICENSE|README\.md|package\.json|dist\/[\w-]+\.(?:js|d\.ts))$/;
  for (const { files } of packed) {
    const paths = files.map(({ path }) => path);
    t.deepEqual(
      paths.filter((path) => !isExpected.test(path)),
      [],
    );
    for (const path of ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']) t.true(paths.includes(path), path);
  }
  t.deepEqual(
    packed[0]?.files.filter(({ path }) => path.endsWith('.js')).map(({ path }) => path),
    ['dist/index.js'],
  );

  await writeFile(join(folder.path, 'package.json'), '{"private":true,"type":"module"}');
  const tarballs = packed.map(({ filename }) => `./${filename}`);
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs], { cwd: folder.path });
  const uses = `createWaferSession({ url: 'http://127.0.0.1:9/' }).check('', '').catch((error) => console.log(error.code));
    console.log([express, koa, fastify].every((each) => typeof each.requireSession === 'function'));`;
  const imports = `import { createWaferSession } from '@wafer-session/node';
    import * as express from '@wafer-session/node/express';
    import * as koa from '@wafer-session/node/koa';
    import * as fastify from '@wafer-session/node/fastify';`;
  const requires = imports.replaceAll(/import (?:\* as )?(.*) from ('.*');/g, 'const $1 = require($2);');
  await writeFile(join(folder.path, 'imports.js'), `${imports}\n${uses}`);
  await writeFile(join(folder.path, 'requires.cjs'), `${requires}\n${uses}`);
  for (const file of ['imports.js', 'requires.cjs'])
    t.is((await run(process.execPath, [file], { cwd: folder.path })).stdout, 'true\n60012\n', file);

  const typed = `${imports}
    import { createClient, type Session } from '@wafer-session/client';
    export const session: Promise<Session> = createClient({ loginUrl: 'https://example.com/login' }).login();
    export const openId: Promise<string | undefined> = createWaferSession({ url: '' })
      .check('', '').then((user) => user?.openId);
    export const all = [express.loginHandler, koa.loginHandler, fastify.loginHandler];`;
  await writeFile(join(folder.path, 'typed.ts'), typed);
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--types', ''];
  const tsc = join(rootDir, 'node_modules/typescript/bin/tsc');
  const compiled = await run(process.execPath, [tsc, ...flags, 'typed.ts'], { cwd: folder.path }).catch(
    (error: { stdout: string }) => error,
  );
  t.is(compiled.stdout, '');
});
