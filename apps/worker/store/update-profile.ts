import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { fenceToleranceUs } from '../../../shared/store/fence.ts';
import { userInfoColumns } from './login-write.ts';

/** `overtaken`: a log-in has written the row since it was read. `older`: the row has a later profile, or its user took this one back. */
export type ProfileWritten = 'written' | 'overtaken' | 'older';

interface ProfileToWrite {
  readonly text: string;
  /** '' if there is none. */
  readonly unionId: string;
  /** When the request was made that brings it, in microseconds of Redis's clock. */
  readonly fence: number;
}

/**
 * Gives a row another profile or union_id than it has.
 * @param session as it was read; a log-in since then makes this come to nothing
 * @param nowUs by Redis's clock
 */
export async function updateProfile(
  sequelize: Sequelize,
  { row, fence }: { readonly row: number; readonly fence: number },
  profile: ProfileToWrite,
  nowUs: number,
  transaction?: Transaction,
): Promise<ProfileWritten> {
  const columns = userInfoColumns(Buffer.from(profile.text, 'utf8').toString('base64'));
  const unionId = profile.unionId === '' ? null : profile.unionId;
  const replacements = { ...columns, unionId, row, fence, made: profile.fence, tooFar: nowUs + fenceToleranceUs };
  // Rows that change, not those that match: the fence does.
  const [, changed] = await sequelize.query(
    `update cSessionInfo set user_info = :user_info, user_info_long = :user_info_long, union_id = :unionId, profile_fence = :made
     where id = :row and fence = :fence and (profile_fence <= :made or profile_fence > :tooFar)`,
    { replacements, type: QueryTypes.UPDATE, ...(transaction === undefined ? {} : { transaction }) },
  );
  if (changed === 1) return 'written';
  const present = await sequelize.query('select id from cSessionInfo where id = :row and fence = :fence', {
    replacements,
    type: QueryTypes.SELECT,
    ...(transaction === undefined ? {} : { transaction }),
  });
  return present.length === 0 ? 'overtaken' : 'older';
}
