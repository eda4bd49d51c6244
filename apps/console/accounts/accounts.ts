import type { Sequelize } from 'sequelize';
import type { ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { ConsoleMetrics } from '../metrics.ts';
import type { Origins } from '../origins.ts';
import type { OidcProvider } from './oidc.ts';
import { countOutcomes, createPasswordSignIn, type PasswordSignIn } from './password-sign-in.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { createSignIns, type SignIns } from './sign-ins.ts';
import { createTotp, type Totp } from './totp.ts';
import { createTries, type Tries } from './tries.ts';

/** How people get in. */
export interface Accounts {
  readonly origins: Origins;
  readonly signIns: SignIns;
  readonly passwords: Passwords;
  readonly passwordSignIn: PasswordSignIn;
  readonly totp: Totp;
  readonly tries: Tries;
  /** undefined: people sign in with passwords alone */
  readonly provider: OidcProvider | undefined;
}

export function createAccounts(deps: {
  readonly sequelize: Sequelize;
  readonly commands: RedisClient;
  readonly cipher: ColumnCipher;
  readonly findSeal: () => Promise<Seal>;
  readonly origins: Origins;
  readonly provider: OidcProvider | undefined;
  readonly signedIn: ConsoleMetrics['signedIn'];
}): Accounts {
  const { sequelize, commands, cipher, findSeal, origins, provider, signedIn } = deps;
  const signIns = createSignIns({ sequelize, commands, findSeal, isSecure: origins.isSecure });
  const passwords = createPasswords();
  const totp = createTotp(sequelize, cipher);
  const tries = createTries(commands, findSeal);
  const passwordSignIn = countOutcomes(createPasswordSignIn({ sequelize, passwords, totp, tries }), (outcome) =>
    signedIn('password', outcome),
  );
  return { origins, signIns, passwords, passwordSignIn, totp, tries, provider };
}
