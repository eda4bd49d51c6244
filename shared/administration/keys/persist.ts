import { setTimeout } from 'node:timers/promises';
import { BaseError } from 'sequelize';

const maxTries = 6;
const retryMs = 500;

/** A deadlock or a slow moment of the database goes away. For work that may be repeated without harm. @throws its last error */
export async function persist<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BaseError) || tries >= maxTries) throw error;
      await setTimeout(retryMs * tries);
    }
  }
}
