import type { MigrationPlan, PlannedStatement } from './migration-plan.ts';

/** As text for a terminal, without a final newline. */
export function formatPlan({ database, exists, applied, pending, statements }: MigrationPlan): string {
  if (pending.length === 0) return `${database}: the schema is current (${applied.at(-1)}).`;
  return [
    exists ? `${database}: ${applied.length} migrations have run.` : `${database} is not there, and would be created.`,
    `To be run: ${pending.join(', ')}.`,
    ...statements.flatMap(describe),
    'Nothing has been changed. To run them: npm run migrate',
  ].join('\n');
}

function describe({ migration, sql, rows, lock, seconds }: PlannedStatement): string[] {
  const facts = [
    ...(rows === null ? [] : [`about ${rows} rows`]),
    lock,
    ...(seconds === null ? [] : [`at most about ${seconds} s, by a sample`]),
  ];
  return ['', `${migration}: ${sql.replaceAll(/\s+/g, ' ')}`, ...facts.map((fact) => `  ${fact}`)];
}
