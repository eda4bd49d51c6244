import { parseArgs } from 'node:util';
import { toPlainJson, toPlainLines, toPlainText } from '../../shared/log/plain-text.ts';
import { readEnvFile } from './env-file.ts';
import { migrate } from '../../shared/store/migrate.ts';
import { MigrationError } from '../../shared/store/migrate/migration-error.ts';
import { formatReport } from '../../shared/store/migrate/report.ts';
import type { OnProgress } from '../../shared/store/migrate/statement-progress.ts';
import { formatPlan } from './format-plan.ts';
import { planMigration } from './migration-plan.ts';
import { createProgress } from './progress.ts';
import { describeTaken, findTakenByNpm } from './taken-by-npm.ts';

const usage = `Usage: npm run migrate [-- --json]

Brings the database of DATABASE_URL (from the environment, else from .env) to the current schema and adopts an existing cAuth.
Safe to repeat. Exit status: 0 done or nothing to do, 1 failed; with --status and --dry-run 1 also if there is something to do.

  --status   says what has run and what has not, and changes nothing
  --dry-run  says of each statement whom it makes wait, and by a sample how long it takes at most; changes nothing
  --json     the report as JSON on standard output; progress stays on standard error
  --help     this text

Example: DATABASE_URL=mysql://user:password@127.0.0.1:3306/cAuth npm run migrate`;

async function main(): Promise<void> {
  const taken = findTakenByNpm(process.env, 'migrate', ['json', 'help', 'status', 'dry-run']);
  if (taken.length > 0) throw new TypeError(describeTaken(taken, 'migrate'));
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      status: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  try {
    const databaseUrl = requireDatabaseUrl();
    if (values.status || values['dry-run']) {
      const plan = await planMigration(databaseUrl, values['dry-run']);
      console.log(values.json ? toPlainJson(plan) : toPlainLines(formatPlan(plan)));
      process.exitCode = plan.pending.length === 0 ? 0 : 1;
      return;
    }
    const progress = createStepProgress();
    const report = await migrate({
      databaseUrl,
      log: (line) => {
        progress.end();
        console.error(toPlainText(line));
      },
      onProgress: progress.tell,
    }).finally(progress.end);
    console.log(values.json ? toPlainJson(report) : toPlainLines(formatReport(report)));
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    process.exitCode = 1;
    console.error(toPlainLines(`migrate: ${error.message}`));
    if (values.json) console.log(toPlainJson({ error: { code: error.code, message: error.message } }));
  }
}

/** A bar for each step: what is left is of that step alone. */
function createStepProgress(): { tell: OnProgress; end(): void } {
  let shown: { readonly step: string; readonly bar: ReturnType<typeof createProgress> } | undefined;
  const end = (): void => {
    shown?.bar.end();
    shown = undefined;
  };
  return {
    tell(step, share) {
      if (shown?.step !== step) {
        end();
        shown = { step, bar: createProgress(process.stderr) };
      }
      shown?.bar.tell(toPlainText(step), share);
    },
    end,
  };
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
