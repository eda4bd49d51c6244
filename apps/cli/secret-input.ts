import type { ReadStream } from 'node:tty';
import { AdministrationFailure } from '../../shared/administration/failure.ts';
import { checkSecret } from '../../shared/administration/set-app.ts';
import type { StandardStreams } from './result.ts';

/** Much more than any secret: what is longer is not read to its end. */
const maxReadLength = 3000;
const stdinTimeoutMs = 60_000;

/**
 * The app's secret: typed unseen on a terminal, else all of standard input. Never from the command line, which every user of the
 * machine can see and the shell remembers.
 * @throws {AdministrationFailure} if it is empty or can't be one
 */
export async function readSecret({ stdin, stderr }: StandardStreams, prompt: string): Promise<string> {
  const secret = (isTerminal(stdin) ? await readHidden(stdin, stderr, prompt) : await readAll(stdin)).trim();
  if (secret === '') throw new AdministrationFailure('secret_empty', 'The secret is empty: nothing was changed.');
  return checkSecret(secret);
}

/**
 * The app's secret where none is needed: nobody is asked on a terminal, but what comes on standard input counts.
 * @returns undefined if nothing came
 * @throws {AdministrationFailure} if it can't be one
 */
export async function readSecretIfGiven({ stdin }: StandardStreams): Promise<string | undefined> {
  const secret = isTerminal(stdin) ? '' : (await readAll(stdin)).trim();
  return secret === '' ? undefined : checkSecret(secret);
}

function isTerminal(stdin: StandardStreams['stdin']): stdin is ReadStream {
  return stdin.isTTY === true;
}

async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const failure = new AdministrationFailure(
      'secret_missing',
      `Standard input did not end within ${stdinTimeoutMs / 1000} s: give the secret there, or < /dev/null to give none.`,
    );
    timer = setTimeout(() => reject(failure), stdinTimeoutMs);
  });
  const read = async () => {
    let text = '';
    for await (const chunk of stdin) {
      text += String(chunk);
      if (text.length > maxReadLength) break;
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
          return finish(() => reject(new AdministrationFailure('interrupted', 'Interrupted: nothing was changed.')));
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
