import type { Sequelize } from 'sequelize';
import type { EventDemand } from '../events/demand.ts';
import { announce } from '../../../shared/events/outbox.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';

/** All workers see the same refusals; of one that stays others are told so often. */
const againSeconds = 600;

/** Tells other systems of what WeChat refuses until somebody acts. In the background: what is lost with a store comes again. */
export function createAlertEvents({
  sequelize,
  commands,
  demand,
}: {
  readonly sequelize: Sequelize;
  readonly commands: RedisClient;
  readonly demand: EventDemand;
}): (appid: string, api: string, errcode: string) => void {
  const tell = async (appid: string, api: string, errcode: string): Promise<void> => {
    const key = `wafer:events:alert:${JSON.stringify([appid, api, errcode])}`;
    if ((await commands.set(key, '1', 'EX', againSeconds, 'NX')) !== 'OK') return;
    await announce(sequelize, [{ event: 'wechat.alert', appid, details: { api, errcode } }]);
  };
  return (appid, api, errcode) => {
    if (demand.wants('wechat.alert', appid)) tell(appid, api, errcode).catch(() => undefined);
  };
}
