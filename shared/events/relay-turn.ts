import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';

/** Until the transaction ends nobody else moves events, or takes any away. */
export async function holdRelay(sequelize: Sequelize, transaction: Transaction): Promise<void> {
  await sequelize.query(
    `insert into cWaferEventDemand (what, wanted_until, since_id) values ('', 0, 0)
     on duplicate key update since_id = since_id`,
    { type: QueryTypes.INSERT, transaction },
  );
}
