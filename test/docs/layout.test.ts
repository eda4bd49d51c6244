import { dirname, join } from 'node:path';
import test from 'ava';
import { files, read } from './repository.ts';

const isProgram = (file: string): boolean => /^apps\/.*\.ts$/.test(file);
const modules = files.filter((file) => isProgram(file) || /^shared\/.*\.ts$/.test(file));
const importsOf = new Map(
  modules.map((file) => [
    file,
    [...read(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path = '']) => join(dirname(file), path)),
  ]),
);

/** Everything that a program imports, and what that imports. */
function reachOf(app: string): Set<string> {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    importsOf.get(file)?.forEach(visit);
  };
  modules.filter((file) => file.startsWith(`apps/${app}/`)).forEach(visit);
  return reached;
}

test('every file in shared/ is used by two programs or more', (t) => {
  const apps = [...new Set(modules.filter(isProgram).map((file) => file.split('/')[1] as string))];
  const reaches = apps.map(reachOf);
  const ofOne = modules.filter(
    (file) => file.startsWith('shared/') && reaches.filter((reached) => reached.has(file)).length < 2,
  );
  t.deepEqual(ofOne, []);
});
