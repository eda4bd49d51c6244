import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const rootDir = fileURLToPath(new URL('../../..', import.meta.url));
