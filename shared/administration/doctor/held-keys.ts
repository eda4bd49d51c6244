import type { RollCallAnswer } from '../../redis/roll-call.ts';
import { howToGiveKeys } from '../keys/ask-workers.ts';
import { toPlainText } from '../../log/plain-text.ts';
import { fault, type Finding } from './finding.ts';

type Answers = ReadonlyMap<string, RollCallAnswer>;

/** Whether the workers have the keys that they and the others need, by what each says of itself. */
export function judgeKeys(answers: Answers): Finding[] {
  const workers = [...answers].filter(([name]) => name.startsWith('worker-'));
  return workers.flatMap(([name, answer]) => judgeLocked(name, answer) ?? judgeAgainst(name, answer, workers) ?? []);
}

const check = 'processes.keys';

function judgeLocked(name: string, { lockedApps = [], waitsForKeys = false }: RollCallAnswer): Finding | undefined {
  if (lockedApps.length === 0) return undefined;
  const apps = lockedApps.map(toPlainText).join(', ');
  const effect = waitsForKeys
    ? 'it takes no jobs until it has it'
    : 'log-ins of these apps that it takes are answered 1006 (key_missing)';
  return fault(
    check,
    `${toPlainText(name)} lacks the key of the secret of ${apps}: ${effect}`,
    howToGiveKeys,
    'worker_lacks_key',
  );
}

function judgeAgainst(
  name: string,
  { keys }: RollCallAnswer,
  workers: readonly (readonly [string, RollCallAnswer])[],
): Finding | undefined {
  for (const [other, { keys: theirs }] of workers) {
    if (keys === undefined || theirs === undefined || theirs.writes === 'plain') continue;
    const version = theirs.writes;
    const held = keys.fingerprints[version];
    if (held === theirs.fingerprints[version]) continue;
    const what =
      held === undefined
        ? `lacks key ${version}, with which ${toPlainText(other)} encrypts: it can read none of that`
        : `and ${toPlainText(other)} have two different keys under the number ${version}`;
    return fault(
      check,
      `${toPlainText(name)} ${what}`,
      howToGiveKeys,
      held === undefined ? 'worker_lacks_key' : 'keys_differ',
    );
  }
  return undefined;
}
