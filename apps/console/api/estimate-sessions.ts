import { QueryTypes, type Sequelize } from 'sequelize';

/** So many are counted; to count more takes seconds on a large table. */
const counted = 5000;

/**
 * How many sessions an app has: exactly while they are few, else about, from the index alone.
 * @param isDefault whether rows that name no app are its own
 */
export async function estimateSessions(sequelize: Sequelize, appid: string, isDefault: boolean): Promise<number> {
  const wheres = ['appid = :appid', ...(isDefault ? ["appid = ''", 'appid is null'] : [])];
  const estimates = await Promise.all(wheres.map((where) => estimate(sequelize, where, appid)));
  return estimates.reduce((sum, each) => sum + each, 0);
}

async function estimate(sequelize: Sequelize, where: string, appid: string): Promise<number> {
  const ask = async (sql: string) => {
    const [row] = await sequelize.query<{ rows: number | string | null }>(sql, {
      replacements: { appid },
      type: QueryTypes.SELECT,
    });
    return Number(row?.rows ?? 0);
  };
  const few = `select 1 from cSessionInfo where ${where} limit ${counted}`;
  const exact = await ask(`select count(*) as \`rows\` from (${few}) t`);
  if (exact < counted) return exact;
  return Math.max(exact, await ask(`explain select id from cSessionInfo force index (app_login) where ${where}`));
}
