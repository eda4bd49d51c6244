// Comes before a program that npm runs (node --require): in words that any Node understands, and before anything of it is read.
'use strict';
const { existsSync } = require('node:fs');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node.js 20.19 or newer is needed; this is ${process.version}.`);
  process.exit(1);
}
const program = process.argv[1];
if (program !== undefined && !existsSync(program)) {
  console.error('The project is not built yet. Run: npm ci && npm run build');
  process.exit(1);
}
