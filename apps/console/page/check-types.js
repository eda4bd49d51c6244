// vue-tsc drives TypeScript from within, which TypeScript 7 does not offer: here it drives the last one that does, under the name by
// which Microsoft goes on publishing it.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
process.argv.push('--noEmit', '--pretty', 'false', '-p', fileURLToPath(new URL('.', import.meta.url)));
require('vue-tsc').run(require.resolve('@typescript/typescript6/lib/tsc'));
