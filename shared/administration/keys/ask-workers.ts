import type { KeyRing } from '../../keys/key-ring.ts';
import { describeKeys, type HeldKeys } from '../../keys/held-keys.ts';
import { listInstances } from '../../redis/presence.ts';
import { callRoll, type RollCallAnswer } from '../../redis/roll-call.ts';
import { AdministrationFailure } from '../failure.ts';
import type { OpenRedis } from '../stores.ts';
import { listNames } from '../words.ts';
import { toPlainText } from '../../log/plain-text.ts';

const timeoutMs = 2000;

export const howToGiveKeys =
  'Put WAFER_KEYS into .env and run: npx pm2 reload ecosystem.config.js --only worker (without pm2: set it for that worker and restart it)';

/** @throws {AdministrationFailure} keys_missing: there is no key to encrypt with */
export function requireKeyToWrite({ writes, keys }: KeyRing): void {
  if (writes !== undefined) return;
  throw new AdministrationFailure(
    'keys_missing',
    keys.size === 0
      ? 'WAFER_KEYS is not set: there is no key to encrypt with. Set it as for the workers.'
      : 'WAFER_KEYS begins with "plain": values are written in plain text. For that there is: npx wafer keys plain',
  );
}

/** @throws {AdministrationFailure} keys_in_use: workers with this ring would encrypt */
export function requirePlain({ writes }: KeyRing): void {
  if (writes === undefined) return;
  throw new AdministrationFailure(
    'keys_in_use',
    `Workers with these WAFER_KEYS would go on encrypting. First set WAFER_KEYS=plain,${writes}:… for every worker, and here.`,
  );
}

/**
 * Asks every live worker whether it can read what the ring writes, and whether it would write otherwise where that matters.
 * @throws {AdministrationFailure} worker_lacks_key, worker_encrypts or worker_silent, naming the workers
 */
export async function askWorkers({ commands, clock }: OpenRedis, ring: KeyRing): Promise<void> {
  const live = await listInstances(commands, clock, 'worker');
  const isComplete = (soFar: ReadonlyMap<string, unknown>) => live.every((name) => soFar.has(name));
  const answers = await callRoll(commands, isComplete, timeoutMs);
  const nothingChanged = 'Nothing was changed.';
  const silent = live.filter((name) => !answers.has(name));
  if (silent.length > 0)
    throw new AdministrationFailure(
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
  throw new AdministrationFailure(
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
