import type { CallName } from '../../shared/rpc/contract.ts';
import type { JsonDocument } from '../../shared/protocol/php-json.ts';
import { nowSeconds } from '../../shared/session/wall-clock.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import {
  readUserData,
  readWholeLegacyData,
  type DataOwner,
  type OpenedData,
  type UserData,
  type UserDataFault,
  type UserDataKind,
} from './user-data.ts';
import type { UserDataLimit } from './user-data-limit.ts';

export type OpenFault = UserDataFault | NotTried;
/** Data that were not tried: after too many failures, or because the user has too many tries under way. */
type NotTried = 'too_many_failures' | 'too_many_at_once';
/** What became of user data, as the metrics name it. */
export type UserDataResult = 'opened' | 'opened_former' | 'not_decrypted' | 'too_old' | 'other_user' | NotTried;

/** Decrypts user data, as often as it may fail, and counts what comes of it. */
export interface UserDataOpener {
  /** For a session, by the keys that its row has: one try, however many. @throws if Redis fails */
  open(
    call: 'decrypt' | 'userInfo' | 'phone',
    kind: UserDataKind,
    userData: UserData,
    owner: DataOwner,
    app: AppWithSecret,
  ): Promise<OpenedData | OpenFault>;
  /** The same in the scheme of 2016, with whole padding. */
  openLegacy(encryptData: unknown, owner: DataOwner, app: AppWithSecret): Promise<JsonDocument | OpenFault>;
  /** Whether a log-in's data is not to be tried. */
  isSpent(appid: string, openId: string): boolean;
  /** A log-in's data did not decrypt: to be noted in the same turn in which `isSpent` was asked. */
  noteFailedLogin(appid: string, openId: string): void;
  /** Another key has opened the data that were noted. */
  takeBackFailedLogin(appid: string, openId: string): void;
  /** What came of a log-in's data, for the others. */
  tellLogin(appid: string, openId: string, result: UserDataResult): Promise<void>;
}

export function createUserDataOpener(
  limit: UserDataLimit,
  count: (call: CallName, result: UserDataResult) => void,
): UserDataOpener {
  const tryToOpen = async (
    call: CallName,
    { appid, openId }: { readonly appid: string; readonly openId: string },
    read: () => OpenedData | UserDataFault,
  ): Promise<OpenedData | OpenFault> => {
    const user = { appid, openId };
    const taken = await limit.take(user);
    if (taken !== 'taken') {
      const notTried = taken === 'spent' ? 'too_many_failures' : 'too_many_at_once';
      count(call, notTried);
      return notTried;
    }
    const opened = read();
    const result = resultOf(opened);
    count(call, result);
    limit.settle(user, result === 'not_decrypted');
    return opened;
  };
  return {
    open: (call, kind, userData, owner, app) =>
      tryToOpen(call, { appid: app.appid, openId: owner.openId }, () =>
        readUserData(kind, userData, owner, app, nowSeconds()),
      ),
    openLegacy: (encryptData, owner, app) =>
      tryToOpen('decrypt', { appid: app.appid, openId: owner.openId }, () =>
        readWholeLegacyData(encryptData, owner, app),
      ),
    isSpent: (appid, openId) => limit.isSpent({ appid, openId }),
    noteFailedLogin: (appid, openId) => limit.note({ appid, openId }),
    takeBackFailedLogin: (appid, openId) => limit.takeBack({ appid, openId }),
    async tellLogin(appid, openId, result) {
      count('login', result);
      if (result === 'not_decrypted') await limit.tell({ appid, openId });
    },
  };
}

/** What became of user data, as it is counted. */
export function resultOf(opened: OpenedData | OpenFault): UserDataResult {
  if (typeof opened !== 'string') return opened.isByFormerKey === true ? 'opened_former' : 'opened';
  switch (opened) {
    case 'user_data_not_decrypted':
      return 'not_decrypted';
    case 'user_data_too_old':
      return 'too_old';
    default:
      return opened;
  }
}
