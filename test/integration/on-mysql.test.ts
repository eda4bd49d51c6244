import test from 'ava';
import { findMysql } from '../support/mysql-server.ts';
import { rootDir } from '../support/built.ts';
import { runNode } from '../support/run-program.ts';

/** What reads and writes MySQL, with the statements of every part of the product. */
const files = [
  'apps/cli/app-cache-queue',
  'apps/cli/apps-and-revocation',
  'apps/cli/audit',
  'apps/cli/keys-rotation',
  'apps/cli/session',
  'integration/keys-at-rest',
  'integration/keys-stopped',
  'integration/apps-and-policies',
  'integration/userinfo',
  'integration/wechat-calls',
  'apps/worker/store/session-inserts',
  'apps/worker/store/session-renewals',
  'shared/store/migrate',
  'shared/store/migrate-original',
];

const mysql = findMysql();
const title = 'what reads and writes MariaDB does so on a real MySQL';

if (mysql === undefined) {
  test.skip(`${title} (no mysqld of MySQL on the PATH, and TEST_MYSQL_URL is not set)`, (t) => t.fail());
} else {
  test(title, async (t) => {
    t.timeout(600_000);
    const server = await mysql.start();
    t.teardown(server.close);
    const ended = new AbortController();
    t.teardown(() => ended.abort());
    const lines: string[] = [];
    const status = await runNode({
      args: [
        'node_modules/ava/entrypoints/cli.mjs',
        '--tap',
        '--serial',
        ...files.map((file) => `dist/test/${file}.test.js`),
      ],
      cwd: rootDir,
      env: { ...process.env, TEST_DATABASE_URL: server.adminUrl },
      signal: ended.signal,
      onLine: (line) => void lines.push(line),
      readsErrors: true,
    });
    t.is(status, 0, lines.join('\n'));
  });
}
