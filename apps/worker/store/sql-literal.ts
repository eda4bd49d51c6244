import type { Sequelize } from 'sequelize';

export type SqlValue = string | number | Buffer | null | undefined;

/** Values as SQL, with commas between: for statements of many rows, where models cost more than the database. undefined is NULL. */
export function toSqlList(sequelize: Sequelize, values: readonly SqlValue[]): string {
  return values.map((value) => toSql(sequelize, value)).join(',');
}

function toSql(sequelize: Sequelize, value: SqlValue): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? sequelize.escape(value) : `x'${value.toString('hex')}'`;
}
