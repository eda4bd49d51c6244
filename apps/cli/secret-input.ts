import type { ReadStream } from 'node:tty';
import { CommandFailure, type StandardStreams } from './result.ts';

const maxLength = 300;
const stdinTimeoutMs = 60_000;

/**
 * The app's secret: typed unseen on a terminal, else all of standard input. Never from the command line, which every user of the
 * machine can see and the shell remembers.
 * @throws {CommandFailure} if it is empty or can't be one
 */
export async function readSecret({ stdin, stderr }: StandardStreams, prompt: string): Promise<string> {
  const secret = (isTerminal(stdin) ? await readHidden(stdin, stderr, prompt) : await readAll(stdin)).trim();
  if (secret === '') throw new CommandFailure('secret_empty', 'The secret is empty: nothing was changed.');
  return checkSecret(secret);
}

/**
 * The app's secret where none is needed: nobody is asked on a terminal, but what comes on standard input counts.
 * @returns undefined if nothing came
 * @throws {CommandFailure} if it can't be one
 */
export async function readSecretIfGiven({ stdin }: StandardStreams): Promise<string | undefined> {
  const secret = isTerminal(stdin) ? '' : (await readAll(stdin)).trim();
  return secret === '' ? undefined : checkSecret(secret);
}

function isTerminal(stdin: StandardStreams['stdin']): stdin is ReadStream {
  return stdin.isTTY === true;
}

function checkSecret(secret: string): string {
  if (secret.length > maxLength || /[\p{Cc}\s]/u.test(secret)) {
    throw new CommandFailure(
      'secret_invalid',
      `That is no secret: it must be one word of at most ${maxLength} characters. Nothing was changed.`,
    );
  }
  return secret;
}

async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const failure = new CommandFailure(
      'secret_missing',
      `Standard input did not end within ${stdinTimeoutMs / 1000} s: give the secret there, or < /dev/null to give none.`,
    );
    timer = setTimeout(() => reject(failure), stdinTimeoutMs);
  });
  const read = async () => {
    let text = '';
    for await (const chunk of stdin) {
      text += String(chunk);
      if (text.length > 10 * maxLength) break;
    }
    return text;
  };
  try {
    return await Promise.race([read(), late]);
  } finally {
    clearTimeout(timer);
  }
}

const enter = new Set(['\r', '\n', '\u0004']);
const interrupt = '\u0003';
const erase = new Set(['\u007F', '\b']);
const eraseAll = '\u0015';

/** Raw mode: the terminal echoes nothing. The prompt goes to standard error, standard output is for the result. */
function readHidden(stdin: ReadStream, stderr: NodeJS.WritableStream, prompt: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = '';
    const finish = (settle: () => void) => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      settle();
    };
    const onData = (chunk: Buffer) => {
      for (const character of chunk.toString('utf8')) {
        if (enter.has(character)) return finish(() => resolve(typed));
        if (character === interrupt) {
          return finish(() => reject(new CommandFailure('interrupted', 'Interrupted: nothing was changed.')));
        }
        if (erase.has(character)) typed = typed.slice(0, -1);
        else if (character === eraseAll) typed = '';
        else typed += character;
      }
    };
    stderr.write(prompt);
    stdin.setRawMode(true);
    stdin.on('data', onData);
    stdin.resume();
  });
}
