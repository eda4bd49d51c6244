import { parseArgs } from 'node:util';
import { toPlainJson, toPlainLines, toPlainText } from '../../shared/log/plain-text.ts';
import { readEnvFile } from '../../shared/config/env-file.ts';
import { migrate } from '../../shared/store/migrate.ts';
import { MigrationError } from '../../shared/store/migrate/migration-error.ts';
import { formatReport } from '../../shared/store/migrate/report.ts';
import { describeTaken, findTakenByNpm } from './taken-by-npm.ts';

const usage = `Usage: npm run migrate [-- --json]

Brings the database of DATABASE_URL (from the environment, else from .env) to the current schema and adopts an existing cAuth.
Safe to repeat. Exit status: 0 done or nothing to do, 1 failed.

  --json   the report as JSON on standard output; progress stays on standard error
  --help   this text

Example: DATABASE_URL=mysql://user:password@127.0.0.1:3306/cAuth npm run migrate`;

async function main(): Promise<void> {
  const taken = findTakenByNpm(process.env, 'migrate', ['json', 'help']);
  if (taken.length > 0) throw new TypeError(describeTaken(taken, 'migrate'));
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  try {
    const report = await migrate({
      databaseUrl: requireDatabaseUrl(),
      log: (line) => console.error(toPlainText(line)),
    });
    console.log(values.json ? toPlainJson(report) : toPlainLines(formatReport(report)));
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    process.exitCode = 1;
    console.error(toPlainLines(`migrate: ${error.message}`));
    if (values.json) console.log(toPlainJson({ error: { code: error.code, message: error.message } }));
  }
}

function requireDatabaseUrl(): string {
  const environment = { ...readEnvFile(process.cwd(), process.env), ...process.env };
  const databaseUrl = environment['DATABASE_URL']?.trim();
  if (databaseUrl !== undefined && databaseUrl !== '') return databaseUrl;
  throw new MigrationError(
    'database_url_missing',
    'DATABASE_URL is not set, neither in the environment nor in .env. Set it to mysql://user:password@host:port/cAuth and run this again.',
  );
}

try {
  await main();
} catch (error) {
  // parseArgs on an unknown option, or a bug.
  console.error(error instanceof TypeError ? `migrate: ${error.message}\n\n${usage}` : error);
  process.exitCode = 1;
}
