import type { Finding } from '../../shared/administration/doctor/finding.ts';
import { runDoctor } from '../../shared/administration/doctor/run.ts';

/** Looks at everything for whoever asks. Each look opens a dozen connections of its own, so those who ask while one goes on share it. */
export interface DoctorRuns {
  /**
   * Findings as they come, also those that had come before; to the end of the run.
   * @param asksQuotas of WeChat too
   */
  follow(asksQuotas: boolean): AsyncIterable<Finding>;
}

interface Run {
  readonly found: Finding[];
  isOver: boolean;
  failure?: Error;
  /** Resolves with the next findings, and with the end. */
  changed: Promise<void>;
}

/** @param env as the processes have it */
export function createDoctorRuns(env: NodeJS.ProcessEnv, run: typeof runDoctor = runDoctor): DoctorRuns {
  const underWay = new Map<boolean, Run>();

  const begin = (asksQuotas: boolean): Run => {
    let tell = () => {};
    const next = () => new Promise<void>((resolve) => (tell = resolve));
    const begun: Run = { found: [], isOver: false, changed: next() };
    const change = () => {
      const told = tell;
      begun.changed = next();
      told();
    };
    const onFindings = (findings: readonly Finding[]) => {
      begun.found.push(...findings);
      change();
    };
    const end = (failure?: Error) => {
      underWay.delete(asksQuotas);
      begun.isOver = true;
      if (failure !== undefined) begun.failure = failure;
      change();
    };
    run(env, { asksQuotas, onFindings }).then(() => end(), end);
    underWay.set(asksQuotas, begun);
    return begun;
  };

  return {
    async *follow(asksQuotas) {
      const joined = underWay.get(asksQuotas) ?? begin(asksQuotas);
      for (let told = 0; ;) {
        const { changed } = joined;
        while (told < joined.found.length) yield joined.found[told++] as Finding;
        if (joined.isOver) break;
        await changed;
      }
      if (joined.failure !== undefined) throw joined.failure;
    },
  };
}
