import type { KeyRing } from '../../../shared/keys/key-ring.ts';
import { describeKeys, type HeldKeys } from '../../../shared/keys/held-keys.ts';
import { listInstances } from '../../../shared/redis/presence.ts';
import { callRoll, type RollCallAnswer } from '../../../shared/redis/roll-call.ts';
import { CommandFailure } from '../result.ts';
import { withRedis } from '../stores.ts';
import { listNames } from '../text.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';

const timeoutMs = 2000;

export const howToGiveKeys =
  'Put WAFER_KEYS into .env and run: npx pm2 reload ecosystem.config.js --only worker (without pm2: set it for that worker and restart it)';

/**
 * Asks every live worker whether it can read what the ring writes, and whether it would write otherwise where that matters.
 * @throws {CommandFailure} worker_lacks_key, worker_encrypts or worker_silent, naming the workers
 */
export async function askWorkers(env: NodeJS.ProcessEnv, ring: KeyRing): Promise<void> {
  const { live, answers } = await withRedis(env, async ({ commands, clock }) => {
    const names = await listInstances(commands, clock, 'worker');
    const isComplete = (soFar: ReadonlyMap<string, unknown>) => names.every((name) => soFar.has(name));
    return { live: names, answers: await callRoll(commands, isComplete, timeoutMs) };
  });
  const nothingChanged = 'Nothing was changed.';
  const silent = live.filter((name) => !answers.has(name));
  if (silent.length > 0)
    throw new CommandFailure(
      'worker_silent',
      `${listNames(silent)} did not answer, so whether it holds the key is not known. ${nothingChanged} If it was killed, run this again after 12 s; else see: npx wafer doctor`,
    );
  const workers = [...answers].filter(([name]) => name.startsWith('worker-'));
  const faults = workers.flatMap(([name, answer]) => {
    const fault =
      ring.writes === undefined ? findEncrypting(answer) : findLack(answer, describeKeys(ring), ring.writes);
    return fault === undefined ? [] : [`${toPlainText(name)} ${fault}`];
  });
  if (faults.length === 0) return;
  throw new CommandFailure(
    ring.writes === undefined ? 'worker_encrypts' : 'worker_lacks_key',
    `${faults.join('; ')}. ${nothingChanged} ${howToGiveKeys}. Then run this again.`,
  );
}

function findLack({ keys }: RollCallAnswer, own: HeldKeys, version: number): string | undefined {
  if (keys === undefined) return 'is of a version that does not tell its keys: upgrade it first';
  const held = keys.fingerprints[version];
  if (held === undefined) return `does not have key ${version} and could read nothing that it encrypts`;
  return held === own.fingerprints[version] ? undefined : `has another key under the number ${version}`;
}

function findEncrypting({ keys, waitsForKeys = false }: RollCallAnswer): string | undefined {
  if (waitsForKeys) return undefined;
  if (keys === undefined) return 'is of a version that does not tell its keys: upgrade it first';
  return keys.writes === 'plain' ? undefined : `would go on encrypting with key ${keys.writes}`;
}
