import type { Sequelize } from 'sequelize';
import { createSeal, type Seal } from '../../shared/rpc/seal.ts';
import { getSealKey } from '../../shared/store/seal-key.ts';

/** The seal, read from MySQL when it is first needed, and kept. @returns rejects while MySQL does not answer */
export function createLateSeal(sequelize: Sequelize): () => Promise<Seal> {
  const known: { seal?: Promise<Seal> } = {};
  return () => {
    known.seal ??= getSealKey(sequelize)
      .then(createSeal)
      .catch((error: unknown) => {
        delete known.seal;
        throw error;
      });
    return known.seal;
  };
}
