import type { Sequelize, Transaction } from 'sequelize';

const maxTries = 5;
/** ER_LOCK_DEADLOCK: the server has undone everything, and the other one goes on. */
const deadlock = 1213;

/** A transaction that is done again if another one was in its way: whoever calls a command is not told of that. */
export function inTransaction<Result>(
  sequelize: Sequelize,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return againAfterDeadlock(() => sequelize.transaction(work));
}

/** The same for a statement that is a transaction of its own. */
export async function againAfterDeadlock<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { parent?: { errno?: number } }).parent?.errno !== deadlock || tries >= maxTries) throw error;
    }
  }
}
