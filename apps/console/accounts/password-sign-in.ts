import type { Sequelize } from 'sequelize';
import { findOperator, type Operator } from '../../../shared/operators/operator-store.ts';
import { findPasswordHash } from '../../../shared/operators/password-store.ts';
import { ApiProblem } from '../api/problem.ts';
import type { Passwords } from './passwords.ts';
import type { Totp } from './totp.ts';
import type { Tries } from './tries.ts';

interface Credentials {
  readonly name: string;
  readonly password: string;
  readonly totp?: string | undefined;
}

/** Whose name, password and code these are. */
export interface PasswordSignIn {
  /** @throws {ApiProblem} 401 credentials_wrong, totp_required or totp_wrong; 429 too_many_tries; 503 busy */
  check(credentials: Credentials, address: string): Promise<Operator>;
  /** Whether it is the operator's password, for what asks for it once more. A wrong one counts as at a sign-in. */
  confirm(operator: Pick<Operator, 'id' | 'name'>, password: string, address: string): Promise<void>;
  /**
   * Whether it is all that the operator signs in with, which uses the code up. What is wrong counts as at a sign-in.
   * @throws {ApiProblem} 403 confirmation_required, password_wrong or totp_wrong; 429 too_many_tries; 503 busy
   */
  confirmWhole(
    operator: Pick<Operator, 'id' | 'name'>,
    given: Pick<Credentials, 'password' | 'totp'> | undefined,
    address: string,
  ): Promise<void>;
}

/** Of nobody. */
const noId = 0;

export function createPasswordSignIn({
  sequelize,
  passwords,
  totp,
  tries,
}: {
  readonly sequelize: Sequelize;
  readonly passwords: Passwords;
  readonly totp: Totp;
  readonly tries: Tries;
}): PasswordSignIn {
  /** The same steps, and so the same time, whether there is such an operator or not. */
  const checkPassword = async (operator: Pick<Operator, 'id'> | undefined, password: string): Promise<boolean> => {
    const stored = await findPasswordHash(sequelize, operator?.id ?? noId);
    return passwords.verify(stored, password);
  };
  const requireOwn = async (operator: Pick<Operator, 'id'>, password: string): Promise<void> => {
    if (!(await checkPassword(operator, password)))
      throw new ApiProblem(403, 'password_wrong', 'The password is wrong.');
  };
  return {
    async check({ name, password, totp: code }, address) {
      const given = name.trim().toLowerCase();
      const attempt = await tries.begin(given, address);
      const found = await findOperator(sequelize, { name: given });
      const operator = found?.kind === 'password' && !found.isDisabled ? found : undefined;
      if (!(await checkPassword(operator, password)) || operator === undefined)
        throw new ApiProblem(401, 'credentials_wrong', 'Name or password are wrong.');
      if (operator.hasTotp) {
        // Nothing was tried, but codes that were wrong before still count.
        if (code === undefined) {
          await attempt.takeBack();
          throw new ApiProblem(401, 'totp_required', 'This operator signs in with a code, too.');
        }
        if (!(await totp.isRight(operator.id, code)))
          throw new ApiProblem(401, 'totp_wrong', 'The code is wrong, or was used already.');
      }
      await attempt.succeed();
      return operator;
    },
    async confirm(operator, password, address) {
      const attempt = await tries.begin(operator.name, address);
      await requireOwn(operator, password);
      await attempt.takeBack();
    },
    async confirmWhole({ id, name }, given, address) {
      // As it is now: the body of the request, which has the password, may have taken its time.
      const hasTotp = (await findOperator(sequelize, { id }))?.hasTotp === true;
      // Nothing is tried, so that nobody learns of a password alone whether it is right.
      if (given === undefined || (hasTotp && given.totp === undefined))
        throw new ApiProblem(
          403,
          'confirmation_required',
          `Confirm this with your own password${hasTotp ? ' and a code' : ''}: confirm.password${hasTotp ? ', confirm.totp' : ''}.`,
        );
      const attempt = await tries.begin(name, address);
      await requireOwn({ id }, given.password);
      if (hasTotp && !(await totp.isRight(id, given.totp ?? '')))
        throw new ApiProblem(403, 'totp_wrong', 'The code is wrong, or was used already.');
      await attempt.succeed();
    },
  };
}

/** @param count is told what came of each try; a code that is asked for and not there yet is none */
export function countOutcomes(signIn: PasswordSignIn, count: (outcome: string) => void): PasswordSignIn {
  return {
    ...signIn,
    async check(credentials, address) {
      try {
        const operator = await signIn.check(credentials, address);
        count('succeeded');
        return operator;
      } catch (error) {
        const outcome = error instanceof ApiProblem ? error.code : 'failed';
        if (outcome !== 'totp_required') count(outcome);
        throw error;
      }
    },
  };
}
