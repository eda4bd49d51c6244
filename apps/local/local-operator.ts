import { invitePerson, renewLink } from '../../shared/administration/operators.ts';
import { parseDatabaseUrl } from '../../shared/config/database-url.ts';
import { readOperators } from '../../shared/operators/operator-store.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { findActor } from '../cli/actor.ts';

const localName = 'admin';

/** How to get into the console. */
export interface LocalOperator {
  /** undefined: there are operators, or the database is somebody else's */
  readonly name: string | undefined;
  /** Secret of the link by which the password is set; undefined: it was set. */
  readonly linkSecret: string | undefined;
}

/**
 * Makes sure that whoever runs `npm start` gets into the console: an admin who is to set a password, until that is done.
 * @param isOurs whether operators may be added to this database
 */
export async function prepareOperator(databaseUrl: string, isOurs: boolean): Promise<LocalOperator> {
  const sequelize = openDatabase(parseDatabaseUrl(databaseUrl), { poolSize: 1 });
  const actor = findActor({ by: 'npm start' });
  try {
    const operators = await readOperators(sequelize);
    const local = operators.find(({ name, kind }) => name === localName && kind === 'password');
    if (local?.hasPassword === true) return { name: localName, linkSecret: undefined };
    if (!isOurs || (operators.length > 0 && local === undefined)) return { name: undefined, linkSecret: undefined };
    const { linkSecret } =
      local === undefined
        ? await invitePerson({ sequelize }, { name: localName, role: 'admin' }, actor)
        : await renewLink({ sequelize }, { name: localName }, actor);
    return { name: localName, linkSecret };
  } finally {
    await sequelize.close();
  }
}
