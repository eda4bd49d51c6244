import { QueryTypes, type Sequelize } from 'sequelize';

/**
 * Resolves if our tables can be read. `select 1` does not tell: a server that is cut off from its cluster answers it, and nothing else.
 */
export async function probeReading(sequelize: Sequelize): Promise<void> {
  await sequelize.query('select name from cWaferKey limit 1', { type: QueryTypes.SELECT });
}

interface Switches {
  readonly server: number | string;
  readonly engine: number | string;
}

/** Resolves if the server takes writes. It is asked and not tried: a front end's user may have no right to write. */
export async function probeWriting(sequelize: Sequelize): Promise<void> {
  // super_read_only sets read_only as well.
  const [found] = await sequelize.query<Switches>(
    'select @@global.read_only as server, @@global.innodb_read_only as engine',
    { type: QueryTypes.SELECT },
  );
  if ([found?.server, found?.engine].some((value) => !/^(0|OFF)$/i.test(String(value ?? 0))))
    throw new Error('the database only reads');
}
