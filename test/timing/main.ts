// `npm run test:timing`: whether the time of a refusal tells a guess from an skey that has ended. Ten minutes; says what it saw, judges nothing.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { createCredential } from '../../shared/session/skey.ts';
import { appThatEndsSessions, endInFiveWays, type EndedSession } from '../support/ended-sessions.ts';
import { startProcess } from '../support/processes.ts';
import { createRandom, shuffle } from '../support/random.ts';
import { startStack, untilReady, type TestStack } from '../support/stack.ts';
import { ways, type Way } from '../support/ways.ts';
import { compareSamples, median } from './rank-statistic.ts';

const { values } = parseArgs({
  options: { 'of-each': { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' } },
});
/** A statement that reads sessions starts every 40 ms at most: a request that comes as late as that waits for nothing. */
const spacingMs = 45;

interface Sample {
  readonly reason: string;
  readonly isGuess: boolean;
  readonly us: number;
}

const closers: (() => Promise<unknown>)[] = [];
const onClose = (close: () => Promise<unknown>) => void closers.push(close);
try {
  const stack = await startStack({ onClose, app: appThatEndsSessions });
  const ended = await endInFiveWays(stack, Number(values['of-each']));
  console.log(`${ended.length} sessions have ended in five ways`);
  const measured = await Promise.all(
    ways.map((way, index) => measure(stack, way, ended, createRandom(Number(values.seed) + index))),
  );
  for (const [index, samples] of measured.entries()) report(ways[index] as Way, samples);
} finally {
  for (const close of closers.toReversed()) await close().catch(() => undefined);
}

/**
 * The sessions in random order, each asked for once: of those that ended in one way by turns with the skey and with a guess, so that what else
 * the machine does meets both alike.
 */
async function measure(
  stack: TestStack,
  { env }: Way,
  ended: readonly EndedSession[],
  random: () => number,
): Promise<Sample[]> {
  const port = await findFreePort();
  startProcess('web', { ...stack.env, ...env, PORT: String(port) }, onClose);
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url);
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const samples: Sample[] = [];
  const turns = new Map<string, boolean>();
  for (const { id, skey, reason } of shuffle(ended, random)) {
    const isGuess = !(turns.get(reason) ?? random() < 0.5);
    turns.set(reason, isGuess);
    const request = checkOf(id, isGuess ? createCredential() : skey);
    const startedAt = performance.now();
    const us = await timeUs(socket, request, isGuess ? undefined : reason);
    samples.push({ reason, isGuess, us });
    await setTimeout(Math.max(0, startedAt + spacingMs - performance.now()));
  }
  socket.destroy();
  // The first ones wait for code to be compiled.
  return samples.slice(200);
}

function checkOf(id: string, skey: string): string {
  const body = JSON.stringify({ interface: { interfaceName: 'qcloud.cam.auth', para: { id, skey } } });
  return `POST /mina_auth/ HTTP/1.1\r\nHost: timing\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

async function timeUs(socket: Socket, request: string, reason: string | undefined): Promise<number> {
  const answered = once(socket, 'data');
  const startedAt = performance.now();
  socket.write(request);
  const [answer] = (await answered) as [Buffer];
  const us = (performance.now() - startedAt) * 1000;
  const text = answer.toString('latin1');
  const told = /\r\nX-Wafer-Reason: (\w+)\r\n/.exec(text)?.[1];
  if (!text.includes('"returnCode":60012') || told !== reason) throw new Error(`${reason}: ${text}`);
  return us;
}

function report({ how }: Way, samples: readonly Sample[]): void {
  console.log(`\nEnded or guess, ${how}:`);
  const reasons = ['all', ...new Set(samples.map(({ reason }) => reason))];
  for (const reason of reasons) {
    const those = samples.filter((sample) => reason === 'all' || sample.reason === reason);
    const timesOf = (isGuess: boolean) => those.filter((sample) => sample.isGuess === isGuess).map(({ us }) => us);
    const [real, guessed] = [timesOf(false), timesOf(true)];
    // What the statistic would say if ended skeys took so much longer.
    const ifLater = (us: number) =>
      compareSamples(
        real.map((time) => time + us),
        guessed,
      ).toFixed(1);
    console.log(
      `    ${reason.padEnd(11)} ended ${real.length}: median ${median(real).toFixed(0)} µs   ` +
        `guesses ${guessed.length}: ${median(guessed).toFixed(0)} µs   z ${compareSamples(real, guessed).toFixed(2)}   ` +
        `(20 µs later: ${ifLater(20)}, 50 µs: ${ifLater(50)})`,
    );
  }
}
