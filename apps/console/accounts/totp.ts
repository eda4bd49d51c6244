import { Secret, TOTP } from 'otpauth';
import type { Sequelize } from 'sequelize';
import type { ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { totpSecretPlace } from '../../../shared/keys/column-cipher.ts';
import { findTotpSecret, storeTotpSecret, takeTotpStep } from './totp-store.ts';

/** Codes of an app on a phone (RFC 6238): six digits, a new one every 30 s. */
export interface Totp {
  /** Makes a secret that asks for nothing until `isRight` of one of its codes and the switch. undefined: another one is on. */
  prepare(operator: {
    readonly id: number;
    readonly name: string;
  }): Promise<{ readonly secret: string; readonly uri: string } | undefined>;
  /** Whether it is a code of now, or of 30 s before or after; each is so once. */
  isRight(operatorId: number, code: string): Promise<boolean>;
}

const secretBytes = 20;
const periodSeconds = 30;
/** Time steps by which a phone's clock may be off. */
const window = 1;
const settings = { issuer: 'wafer-session', algorithm: 'SHA1', digits: 6, period: periodSeconds };

export function createTotp(sequelize: Sequelize, cipher: ColumnCipher): Totp {
  return {
    async prepare({ id, name }) {
      const secret = new Secret({ size: secretBytes });
      const isStored = await storeTotpSecret(sequelize, id, cipher.seal(totpSecretPlace(id), secret.base32));
      const uri = new TOTP({ ...settings, label: name, secret }).toString();
      return isStored ? { secret: secret.base32, uri } : undefined;
    },
    async isRight(operatorId, code) {
      const stored = await findTotpSecret(sequelize, operatorId);
      if (stored === undefined) return false;
      const secret = Secret.fromBase32(cipher.open(totpSecretPlace(operatorId), stored));
      const now = Date.now();
      const delta = new TOTP({ ...settings, secret }).validate({ token: code, timestamp: now, window });
      if (delta === null) return false;
      return takeTotpStep(sequelize, operatorId, Math.floor(now / 1000 / periodSeconds) + delta);
    },
  };
}
