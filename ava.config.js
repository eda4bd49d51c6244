export default {
  files: ['test/**/*.test.ts'],
  extensions: { ts: 'module' },
  require: ['./test/support/exit-at-once.js'],
  nodeArguments: ['--import=tsx'],
  timeout: '120s',
  concurrency: 5,
  workerThreads: false,
};
