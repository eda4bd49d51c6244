import type { Command } from 'commander';
import type { Finding } from '../../../shared/administration/doctor/finding.ts';
import { runDoctor } from '../../../shared/administration/doctor/run.ts';
import { plural } from '../../../shared/administration/words.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { addCommand, type CommandContext, type CommandResult } from '../result.ts';

/** `doctor`: looks at everything that the server needs and says what to do. Changes nothing. */
export function addDoctorCommand(program: Command, { env, report }: CommandContext): void {
  addCommand(program, 'doctor', 'checks configuration, Redis, database, WeChat and processes; says what to do', [
    'npx wafer doctor',
    'npx wafer doctor --json',
    'npx wafer doctor --wechat',
  ])
    .option('--wechat', 'asks WeChat too what is left of the quotas of each app today')
    .action(async ({ wechat = false }: { readonly wechat?: boolean }) => {
      report(describe(await runDoctor(env, { asksQuotas: wechat })));
    });
}

const stateWords: Readonly<Record<Finding['state'], string>> = { ok: 'ok     ', warning: 'warning', fault: 'FAULT  ' };

function describe(findings: readonly Finding[]): CommandResult {
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const faults = count('fault');
  const warnings = count('warning');
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ state, check, found, remedy }) => [
    `${stateWords[state]}  ${check.padEnd(width)}  ${toPlainText(found)}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(9)}${' '.repeat(width)}  -> ${toPlainText(remedy)}`]),
  ]);
  return {
    text: [...lines, '', `${plural(faults, 'fault')}, ${plural(warnings, 'warning')}`].join('\n'),
    json: { healthy: faults === 0, faults, warnings, findings },
    exitCode: faults === 0 ? 0 : 1,
  };
}
