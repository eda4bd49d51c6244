import type { ExecutionContext } from 'ava';
import type { Finding } from '../../shared/administration/doctor/finding.ts';
import { runCli } from '../apps/cli/run-cli.ts';

interface Diagnosis {
  readonly status: number | null;
  readonly findings: readonly Finding[];
}

/** What `wafer doctor` must say; a cause that is not expected is a wrong diagnosis. */
interface Expected {
  /** Causes of what it calls faults, in any order. */
  readonly faults?: readonly string[];
  readonly warnings?: readonly string[];
  /** What the remedy of the first of them must name. */
  readonly remedy: RegExp;
}

export interface FaultTable {
  /** Runs the doctor with this fault, and holds what it says against what it must say. */
  diagnose(t: ExecutionContext, fault: string, env: Record<string, string>, expected: Expected): Promise<Diagnosis>;
  /** What was seen, as lines: one per fault and `N of N`. */
  render(): string;
}

export async function runDoctor(env: Record<string, string>): Promise<Diagnosis> {
  const { status, json } = await runCli(env, ['doctor', '--json']);
  return { status, findings: (json as { findings: Finding[] }).findings };
}

/** @param ignored causes that have nothing to do with the faults: a test's Redis without an append-only file, a busy machine */
export function createFaultTable(name: string, ignored: readonly string[] = []): FaultTable {
  const rows: { fault: string; causes: string; isRight: boolean }[] = [];
  return {
    async diagnose(t, fault, env, { faults = [], warnings = [], remedy }) {
      const diagnosis = await runDoctor(env);
      const causesOf = (state: Finding['state']) => [
        ...new Set(
          diagnosis.findings.flatMap((finding) =>
            finding.state === state && finding.cause !== undefined && !ignored.includes(finding.cause)
              ? [finding.cause]
              : [],
          ),
        ),
      ];
      const first = diagnosis.findings.find(({ cause }) => cause === (faults[0] ?? warnings[0]));
      const said = JSON.stringify(
        diagnosis.findings.filter(({ state }) => state !== 'ok'),
        null,
        1,
      );
      const isRight = [
        t.deepEqual(causesOf('fault').toSorted(), [...faults].toSorted(), said),
        t.deepEqual(causesOf('warning').toSorted(), [...warnings].toSorted(), said),
        t.regex(first?.remedy ?? '', remedy),
        t.is(diagnosis.status, faults.length > 0 ? 1 : 0),
      ].every(Boolean);
      rows.push({ fault, causes: [...faults, ...warnings].join(', '), isRight });
      return diagnosis;
    },
    render: () =>
      [
        `doctor, ${name}: ${rows.filter(({ isRight }) => isRight).length} of ${rows.length} faults named with cause and remedy`,
        ...rows.map(({ fault, causes, isRight }) => `  ${isRight ? 'yes' : 'NO '}  ${fault}: ${causes}`),
      ].join('\n'),
  };
}
