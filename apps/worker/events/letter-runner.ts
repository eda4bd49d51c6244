import { QueryTypes, type Sequelize } from 'sequelize';
import { readDeadLetters, type DeadLetter } from '../../../shared/events/dead-letters.ts';
import type { LiveEndpoint } from './delivery.ts';
import type { RunnerParts } from './runner-parts.ts';

/** How many letters may be sent twice if this process is killed. */
const lettersPerBatch = 20;
/** An endpoint that takes none of so many letters one after another is not asked for the rest. */
const lettersUntilTired = 5;

/** @returns the job that sends dead letters of an endpoint once more */
export function createLetterRunner(parts: RunnerParts): (name: string) => Promise<void> {
  const { sequelize, demand, delivery, inHand, signal } = parts;

  const sendBatch = async (endpoint: LiveEndpoint, letters: DeadLetter[], failuresBefore: number) => {
    const target = delivery.targetOf(endpoint);
    let failuresInTurn = failuresBefore;
    for (let index = 0; index < letters.length && !signal.aborted; index++) {
      const { letter, ...event } = letters[index] as DeadLetter;
      // Of a person who was erased meanwhile: the letter is gone.
      if (event.event === '') continue;
      const failure = await delivery.send(endpoint, target, event);
      failuresInTurn = failure === undefined ? 0 : failuresInTurn + 1;
      await settleLetter(sequelize, letter, failure);
    }
    return failuresInTurn;
  };

  return async (name) => {
    let failuresInTurn: number | undefined = 0;
    while (!signal.aborted && failuresInTurn !== undefined) {
      const endpoint = (await demand.endpoints()).get(name);
      const failures: number = failuresInTurn;
      failuresInTurn = await inHand.hold(
        () => readDeadLetters(sequelize, { endpoint: name, limit: lettersPerBatch, onlyAgain: true }),
        async (letters) => {
          if (letters.length === 0) return undefined;
          if (endpoint !== undefined && failures < lettersUntilTired) return sendBatch(endpoint, letters, failures);
          await putBack(sequelize, name);
          return undefined;
        },
      );
    }
  };
}

async function settleLetter(sequelize: Sequelize, letter: number, failure: string | undefined): Promise<void> {
  if (failure === undefined)
    await sequelize.query('delete from cWaferDeadLetter where id = :letter', {
      replacements: { letter },
      type: QueryTypes.BULKDELETE,
    });
  else
    await sequelize.query('update cWaferDeadLetter set again = 0, failure = :failure where id = :letter', {
      replacements: { letter, failure },
      type: QueryTypes.UPDATE,
    });
}

async function putBack(sequelize: Sequelize, endpoint: string): Promise<void> {
  await sequelize.query('update cWaferDeadLetter set again = 0 where again = 1 and endpoint = :endpoint', {
    replacements: { endpoint },
    type: QueryTypes.UPDATE,
  });
}
