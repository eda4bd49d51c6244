import { QueryTypes, type Sequelize } from 'sequelize';
import { AdministrationFailure } from './failure.ts';

/** What WeChat lets an app do by force_refresh of stable_token. */
export const perDay = 20;
export const minSecondsBetweenForced = 30;

/**
 * How often a token of the app was renewed by force today, as WeChat counts days, by the audit log.
 * @throws {AdministrationFailure} too_soon: WeChat would refuse it
 */
export async function countForced(sequelize: Sequelize, appid: string): Promise<{ readonly today: number }> {
  const [row] = await sequelize.query<{ today: number; ago: number | null }>(
    `select count(*) as today, min(timestampdiff(second, at, utc_timestamp() + interval 8 hour)) as ago from cWaferAudit
     where at >= date(utc_timestamp() + interval 8 hour) and action = 'token renew' and target = :appid
       and details like '%"isForced":true%'`,
    { replacements: { appid }, type: QueryTypes.SELECT },
  );
  const { today = 0, ago = null } = row ?? {};
  if (ago !== null && ago < minSecondsBetweenForced)
    throw new AdministrationFailure(
      'too_soon',
      `The last one was ${ago} s ago, and WeChat wants ${minSecondsBetweenForced} s between two: run this again then.`,
    );
  return { today };
}
