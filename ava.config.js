/** So that none of them begins when all others have ended. By the time that they take on two cores. */
const longest = [
  'apps/console/page',
  'security/sealed-property',
  'shared/config/secret-urls',
  'integration/wechat-breaker',
  'integration/why-not-valid',
  'integration/wechat-events',
  'integration/metrics',
  'integration/retention',
  'apps/local/npm-start',
  'integration/counts',
  'security/caller-apps',
  'integration/events',
  'shared/store/migrate-foreign',
  'integration/access-token',
  'integration/pm2',
  'faults/stores-away',
];
const rankOf = (file) => {
  const rank = longest.findIndex((name) => file.endsWith(`/test/${name}.test.js`));
  return rank < 0 ? longest.length : rank;
};

export default {
  sortTestFiles: (one, other) => rankOf(one) - rankOf(other) || (one < other ? -1 : 1),
  // Compiled, by "npm test": a program that is compiled once starts three times as fast in each of its hundred processes.
  files: ['dist/test/**/*.test.js'],
  require: ['./test/support/exit-at-once.js'],
  nodeArguments: ['--enable-source-maps'],
  // Without a result of any test in a process. On a busy machine everything takes longer.
  timeout: '300s',
  concurrency: 3,
  workerThreads: false,
};
