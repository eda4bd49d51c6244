/** One line of the matrix: real servers of a Debian release, and a Node. */
export interface Row {
  readonly name: string;
  readonly database: { readonly suite: Suite; readonly kind: 'mysql' | 'mariadb'; readonly args?: readonly string[] };
  readonly redis: { readonly suite: Suite; readonly kind: 'redis' | 'valkey' };
  /** Major version, as npm has it. */
  readonly node: number;
}

/** Releases of Debian; each has other versions of the servers. */
export type Suite = 'bookworm' | 'trixie' | 'sid';

/** Settings with which MySQL 8.4 starts and 9.7 does not. */
const as84 = ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF', '--restrict-fk-on-non-standard-key=OFF'];

export const rows: readonly Row[] = [
  {
    name: 'mariadb-10.11+redis-7',
    database: { suite: 'bookworm', kind: 'mariadb' },
    redis: { suite: 'bookworm', kind: 'redis' },
    node: 20,
  },
  {
    name: 'mariadb-11.8+valkey-8',
    database: { suite: 'trixie', kind: 'mariadb' },
    redis: { suite: 'trixie', kind: 'valkey' },
    node: 22,
  },
  {
    name: 'mysql-9.7+valkey-9',
    database: { suite: 'sid', kind: 'mysql' },
    redis: { suite: 'sid', kind: 'valkey' },
    node: 20,
  },
  {
    name: 'mysql-9.7-as-8.4+redis-8',
    database: { suite: 'sid', kind: 'mysql', args: as84 },
    redis: { suite: 'sid', kind: 'redis' },
    node: 24,
  },
];

/** What every line runs, in folders or files of `test/`. */
export const testsOfARow = [
  'conformance',
  'shared/administration',
  'shared/store',
  'shared/session',
  'shared/redis',
  'apps/web/rpc',
  'apps/worker/rpc',
  'apps/worker/store',
  'apps/console/administration.test.ts',
  'apps/console/api.test.ts',
  'apps/console/now.test.ts',
  'apps/console/sign-in.test.ts',
  'apps/cli/keys-rotation.test.ts',
  'apps/cli/session.test.ts',
  'apps/cli/apps-and-revocation.test.ts',
  'faults/worker-killed.test.ts',
  'faults/stores-away.test.ts',
  'life/one-address.test.ts',
  'faults/redis-failover.test.ts',
  'integration/adoption.test.ts',
  'integration/apps-and-policies.test.ts',
  'integration/counts.test.ts',
  'integration/devices.test.ts',
  'integration/events.test.ts',
  'integration/keys-at-rest.test.ts',
  'integration/keys-stopped.test.ts',
  'integration/mini-program-day.test.ts',
  'integration/userinfo.test.ts',
  'integration/wechat-calls.test.ts',
] as const;
