import { QueryTypes, type Sequelize } from 'sequelize';
import { readEventBounds, streamKeptMs } from '../../../shared/events/event-log.ts';
import { tellAll } from '../../../shared/redis/control.ts';
import type { RedisClock } from '../../../shared/redis/clock.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { databaseNowMs } from '../../../shared/store/database-clock.ts';

/** Has events kept for those who read them as a stream. */
export interface StreamDemand {
  /** To be called while somebody reads. @returns the greatest id of before they were kept: who has read less may have missed some */
  keep(): Promise<number>;
}

const renewMs = 60_000;
const what = 'stream';

export function createStreamDemand(sequelize: Sequelize, commands: RedisClient, clock: RedisClock): StreamDemand {
  let kept: { readonly at: number; readonly since: Promise<number> } | undefined;
  const renew = async (): Promise<number> => {
    const { last } = await readEventBounds(sequelize);
    const [before] = await read(sequelize);
    await sequelize.query(
      `insert into cWaferEventDemand (what, wanted_until, since_id) values (:what, ${databaseNowMs} + :streamKeptMs, :last)
       on duplicate key update since_id = if(wanted_until < ${databaseNowMs}, :last, since_id), wanted_until = ${databaseNowMs} + :streamKeptMs`,
      { replacements: { what, streamKeptMs, last }, type: QueryTypes.INSERT },
    );
    // Workers that do not hear it find out within seconds.
    if (before?.isWanted !== 1) await tellAll(commands, clock, { kind: 'forget-endpoints' }).catch(() => undefined);
    const [row] = await read(sequelize);
    return Number(row?.since_id);
  };
  return {
    keep() {
      if (kept === undefined || performance.now() - kept.at > renewMs) {
        const since = renew();
        kept = { at: performance.now(), since };
        since.catch(() => (kept = undefined));
      }
      return kept.since;
    },
  };
}

function read(sequelize: Sequelize): Promise<{ isWanted: number; since_id: number | string }[]> {
  return sequelize.query(
    `select wanted_until >= ${databaseNowMs} as isWanted, since_id from cWaferEventDemand where what = :what`,
    { replacements: { what }, type: QueryTypes.SELECT },
  );
}
