export default {
  // Compiled, by "npm test": a program that is compiled once starts three times as fast in each of its hundred processes.
  files: ['dist/test/**/*.test.js'],
  require: ['./test/support/exit-at-once.js'],
  nodeArguments: ['--enable-source-maps'],
  // Without a result of any test in a process. On a busy machine everything takes longer.
  timeout: '300s',
  concurrency: 5,
  workerThreads: false,
};
