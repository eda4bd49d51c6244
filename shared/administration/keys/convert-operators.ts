import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { sealedVersion, totpSecretPlace, UnreadableValueError, type ColumnCipher } from '../../keys/column-cipher.ts';

/**
 * Writes the TOTP secrets of the console's operators as the cipher would write them now. They are few. One that can't be read is left, and
 * counted afterwards as every value that is not as it should be: its operator needs a link `--without-totp`.
 */
export async function convertOperators(
  sequelize: Sequelize,
  cipher: ColumnCipher,
  transaction: Transaction,
): Promise<void> {
  const rows = await sequelize.query<{ id: number; sealed: string }>(
    'select id, totp_secret as sealed from cWaferOperator where totp_secret is not null for update',
    { type: QueryTypes.SELECT, transaction },
  );
  for (const { id, sealed: before } of rows) {
    try {
      const secret = cipher.open(totpSecretPlace(id), before);
      if (sealedVersion(before) === cipher.keys.writes) continue;
      await sequelize.query('update cWaferOperator set totp_secret = :now where id = :id', {
        replacements: { id, now: cipher.seal(totpSecretPlace(id), secret) },
        transaction,
      });
    } catch (error) {
      if (!(error instanceof UnreadableValueError)) throw error;
    }
  }
}
