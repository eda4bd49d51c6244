export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Reads the TAP output of one ava run line by line, and says what to show of it. */
export class TapReader {
  #passed = 0;
  #skipped = 0;
  #failedLines = 0;
  /** Tests that never came to an end have no line of their own: only the summary knows them. */
  #failedInSummary = 0;
  #todo = 0;
  #isInFailure = false;
  /** The lines shown of the tests that failed, to be seen at the end of a long run too. */
  readonly failures: string[] = [];

  /** The line as a person wants it; undefined for those that are for machines. */
  read(line: string): string | undefined {
    const shown = this.#show(line);
    if (shown !== undefined && this.#isInFailure) this.failures.push(shown);
    if (line === '  ...') this.#isInFailure = false;
    return shown;
  }

  #show(line: string): string | undefined {
    const result = /^(ok|not ok) \d+ - (.*?)( # (SKIP|TODO))?$/.exec(line);
    if (result) {
      const [, status, title, , directive] = result;
      this.#isInFailure = status !== 'ok' && directive === undefined;
      if (directive === 'TODO') this.#todo++;
      else if (directive === 'SKIP') this.#skipped++;
      else if (status === 'ok') this.#passed++;
      else this.#failedLines++;
      if (directive) return `  - ${title} (${directive.toLowerCase()})`;
      return `  ${status === 'ok' ? '✔' : '✘'} ${title}`;
    }
    const summary = /^# fail (\d+)$/.exec(line);
    if (summary) this.#failedInSummary = Number(summary[1]);
    return summary || /^(TAP version \d+|1\.\.\d+|# (tests|pass|skip) \d+|\s*|# .* hook)$/.test(line)
      ? undefined
      : line;
  }

  /** exitStatus: of ava; a run that failed without a failed test, or in which nothing ran, counts as one failure, and is told as one. */
  end(exitStatus: number): TestCounts {
    let failed = Math.max(this.#failedLines, this.#failedInSummary - this.#todo);
    const ranNothing = this.#passed + failed + this.#skipped + this.#todo === 0;
    if (failed === 0 && (exitStatus !== 0 || ranNothing)) {
      failed = 1;
      this.failures.push(
        `  ✘ ava ended with status ${exitStatus}, and no test failed: it crashed, ran nothing, or a file did not end after its last test`,
      );
    }
    return { passed: this.#passed, failed, skipped: this.#skipped + this.#todo };
  }
}

export function addCounts(one: TestCounts, other: TestCounts): TestCounts {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}
