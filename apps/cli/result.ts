import type { ReadStream } from 'node:tty';
import type { Command } from 'commander';

/** What a command found or did: as text for people, as one JSON document for programs. */
export interface CommandResult {
  readonly text: string;
  readonly json: unknown;
  /** Default 0. */
  readonly exitCode?: 0 | 1;
}

/** Of the process, or of a caller within it. */
export interface StandardStreams {
  readonly stdin: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY' | 'setRawMode'>>;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** What commands get from the process. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  readonly streams: StandardStreams;
  /** Prints the result of the one command that runs. */
  readonly report: (result: CommandResult) => void;
}

/** The command was called in a wrong way; exit status 2. */
export class UsageFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageFailure';
  }
}

/** A command with what all of them have: `--json`, and examples below its help. */
export function addCommand(parent: Command, nameAndArguments: string, summary: string, examples: string[]): Command {
  return parent
    .command(nameAndArguments)
    .description(summary)
    .option('--json', 'one JSON document on standard output, nothing else')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`);
}
