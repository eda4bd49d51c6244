import type { Sequelize, Transaction } from 'sequelize';
import {
  endpointSecretPlace,
  previousEndpointSecretPlace,
  readEndpoints,
  updateSecrets,
  type StoredSecrets,
} from '../../events/endpoint-store.ts';
import { sealedVersion, UnreadableValueError, type ColumnCipher, type Place } from '../../keys/column-cipher.ts';

/** Writes the secrets of all endpoints as the cipher would write them now. What can't be read stays, and is counted as left. */
export async function convertEndpoints(
  sequelize: Sequelize,
  cipher: ColumnCipher,
  transaction: Transaction,
): Promise<void> {
  for (const { name, secret, previousSecret } of await readEndpoints(sequelize, transaction)) {
    const columns: Partial<StoredSecrets> = {
      ...converted(cipher, 'secret', endpointSecretPlace(name), secret),
      ...converted(cipher, 'previousSecret', previousEndpointSecretPlace(name), previousSecret),
    };
    if (Object.keys(columns).length > 0) await updateSecrets(sequelize, name, columns, transaction);
  }
}

function converted(
  cipher: ColumnCipher,
  column: 'secret' | 'previousSecret',
  place: Place,
  stored: string | null,
): Partial<StoredSecrets> {
  if (stored === null || sealedVersion(stored) === cipher.keys.writes) return {};
  try {
    return { [column]: cipher.seal(place, cipher.open(place, stored)) };
  } catch (error) {
    if (!(error instanceof UnreadableValueError)) throw error;
    return {};
  }
}
