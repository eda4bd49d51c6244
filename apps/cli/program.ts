import { Command, CommanderError } from 'commander';
import { AdministrationFailure, UnfitRequest } from '../../shared/administration/failure.ts';
import { ConfigError } from '../../shared/config/config.ts';
import { localVariable } from './local-environment.ts';
import { toPlainJson, toPlainLines } from '../../shared/log/plain-text.ts';
import { addAppCommands } from './commands/app.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addCallerCommands } from './commands/caller.ts';
import { addCacheCommands } from './commands/cache.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEventsCommands } from './commands/events.ts';
import { addKeysCommands } from './commands/keys.ts';
import { addLogLevelCommand } from './commands/log-level.ts';
import { addOperatorCommands } from './commands/operator.ts';
import { addQueueCommands } from './commands/queue.ts';
import { addRetentionCommands } from './commands/retention.ts';
import { addSessionCommands } from './commands/session.ts';
import { addStatusCommand } from './commands/status.ts';
import { addTokenCommands } from './commands/token.ts';
import { addUserCommands } from './commands/user.ts';
import { describeTaken, findTakenByNpm, optionNamesOf } from './taken-by-npm.ts';
import { fitToTerminal } from './fit-to-terminal.ts';
import { UsageFailure, type CommandContext, type StandardStreams } from './result.ts';

const failed = 1;
const misused = 2;

/**
 * Runs one command line. Results go to standard output, complaints to standard error; with `--json` both are one JSON document
 * on standard output as well.
 * @returns the exit status: 0 done, 1 failed, 2 wrong usage
 */
export async function runCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  streams: StandardStreams = process,
): Promise<number> {
  const { stdout, stderr } = streams;
  const asJson = args.includes('--json');
  let exitCode = 0;
  const program = createProgram({
    env,
    streams,
    report(result) {
      exitCode = result.exitCode ?? 0;
      // A pipe has no width: programs and tests read whole lines.
      // Some terminals say that they are 0 wide.
      const { columns = 0 } = stdout as { readonly columns?: number };
      const text = columns === 0 ? toPlainLines(result.text) : fitToTerminal(toPlainLines(result.text), columns);
      stdout.write(`${asJson ? toPlainJson(result.json) : text}\n`);
    },
  });
  const complain = (code: string, message: string, more: object = {}) => {
    stderr.write(`wafer: ${toPlainLines(message)}\n`);
    if (asJson) stdout.write(`${toPlainJson({ error: { code, message, ...more } })}\n`);
  };
  const taken = findTakenByNpm(env, 'wafer', optionNamesOf(program));
  if (taken.length > 0) {
    complain('usage', describeTaken(taken, 'wafer'));
    return misused;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // A group without a command: its help has been shown instead.
      complain('usage', error.code === 'commander.help' ? 'a command is missing' : withoutPrefix(error.message));
      return misused;
    }
    if (error instanceof UsageFailure || error instanceof UnfitRequest) {
      complain('usage', error.message);
      return misused;
    }
    if (error instanceof ConfigError) complain('configuration', error.message, { faults: error.faults });
    else if (error instanceof AdministrationFailure) complain(error.code, withAdvice(error, env));
    else complain('bug', error instanceof Error ? (error.stack ?? error.message) : 'unknown');
    return failed;
  }
}

/** The whole command line; what is called is run by `parseAsync`. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('wafer')
    .usage('[options] <command>')
    .description('Administration of the session server. Called as: npx wafer <command>')
    .option('--json', 'one JSON document on standard output, nothing else')
    .addHelpText('after', help)
    .exitOverride()
    // runCli says it, once and in our words; help for want of a command is no result.
    .configureOutput({
      outputError: () => undefined,
      writeOut: (text) => context.streams.stdout.write(text),
      writeErr: (text) => context.streams.stderr.write(text),
    });
  addAppCommands(program, context);
  addCallerCommands(program, context);
  addSessionCommands(program, context);
  addTokenCommands(program, context);
  addUserCommands(program, context);
  addCacheCommands(program, context);
  addQueueCommands(program, context);
  addRetentionCommands(program, context);
  addEventsCommands(program, context);
  addKeysCommands(program, context);
  addOperatorCommands(program, context);
  addAuditCommand(program, context);
  addLogLevelCommand(program, context);
  addStatusCommand(program, context);
  addDoctorCommand(program, context);
  addCompletionCommand(program, context);
  return program;
}

const help = `
Reads DATABASE_URL, REDIS_URL, REDIS_CACHE_URL, LOGIN_QUEUES, WAFER_KEYS, those of the retention and, for doctor, everything else from the
environment.
Exit status: 0 done, 1 failed, 2 wrong usage.

Examples:
  npx wafer app set wx0123456789abcdef
  npx wafer session show --open-id oABC
  npx wafer doctor --json`;

/** Commands that help on after a failure, by its code. */
const advices: Readonly<Record<string, string>> = {
  app_unknown: 'See: npx wafer app list',
  caller_unknown: 'See: npx wafer caller list',
  caller_exists: 'To bind its key to another app: npx wafer caller bind <name> --app <appid>',
  default_needed: 'To say so: npx wafer app set <appid> --default',
};

const localAdvice =
  'That is the address of the last npm start in this folder, which does not seem to run: start it, or set DATABASE_URL and REDIS_URL.';

function withAdvice({ code, message }: AdministrationFailure, env: NodeJS.ProcessEnv): string {
  // Nothing answers where the last `npm start` had its servers.
  const isLocal = env[localVariable] !== undefined && /^(database|redis)_unreachable$/.test(code);
  if (isLocal) return `${message}\n${localAdvice}`;
  const advice = advices[code];
  return advice === undefined ? message : `${message} ${advice}`;
}

function withoutPrefix(message: string): string {
  return `${message.replace(/^error: /, '')}\nCall it with --help to see how it is used.`;
}
