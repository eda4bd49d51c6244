import { QueryTypes, type Sequelize } from 'sequelize';
import { userInfoColumns } from './session-writer.ts';

/**
 * Gives a row another profile or union_id than it has.
 * @param session as it was read; a log-in since then makes this come to nothing
 * @param unionId '' if there is none
 * @returns false if a log-in has written the row since it was read
 */
export async function updateProfile(
  sequelize: Sequelize,
  { row, fence }: { readonly row: number; readonly fence: number },
  profileText: string,
  unionId: string,
): Promise<boolean> {
  const columns = userInfoColumns(Buffer.from(profileText, 'utf8').toString('base64'));
  // Rows that change, not those that match.
  const [, changed] = await sequelize.query(
    `update cSessionInfo set user_info = :user_info, user_info_long = :user_info_long, union_id = :unionId
     where id = :row and fence = :fence`,
    {
      replacements: { ...columns, unionId: unionId === '' ? null : unionId, row, fence },
      type: QueryTypes.UPDATE,
    },
  );
  return changed === 1;
}
