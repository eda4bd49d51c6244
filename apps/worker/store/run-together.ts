import type { Sequelize, Transaction } from 'sequelize';

/** What came of a statement: of an insert or an update. */
interface Written {
  readonly insertId: number;
  readonly affectedRows: number;
}

/**
 * Runs statements as one transaction in one round trip, which costs hardly more than the first of them.
 * @returns what came of each; rows where it returns some
 * @throws what one of them failed with; then nothing is written
 */
export type RunTogether = (
  statements: readonly string[],
  replacements?: Record<string, unknown>,
) => Promise<readonly (Written | readonly unknown[])[]>;

/** What is needed of the inside of Sequelize 6. */
interface ConnectionManager {
  getConnection(options: { readonly type: 'write' }): Promise<object>;
  releaseConnection(connection: object): void;
}

/** @param sequelize whose connections take several statements at once, which count when they are committed */
export function createRunTogether(sequelize: Sequelize): RunTogether {
  const manager = sequelize.connectionManager as unknown as ConnectionManager;
  return async (statements, replacements) => {
    const connection = await manager.getConnection({ type: 'write' });
    const undo = () => sequelize.query('rollback', { transaction }).then(() => undefined);
    // What Sequelize needs to know of a transaction that it has not begun: where it runs.
    const transaction = { connection, rollback: undo } as unknown as Transaction;
    try {
      // What begins with `insert` Sequelize takes for that alone, and keeps the rest to itself.
      const text = `/* together */ ${[...statements, 'commit'].join(';\n')}`;
      const [results] = await sequelize.query(text, { transaction, ...(replacements && { replacements }) });
      return (results as (Written | unknown[])[]).slice(0, -1);
    } catch (error) {
      // The server stops at the statement that fails, within the transaction.
      await undo().catch(() => (connection as { destroy(): void }).destroy());
      throw error;
    } finally {
      manager.releaseConnection(connection);
    }
  };
}
