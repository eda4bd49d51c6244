import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { toAsciiJson } from '../../../shared/protocol/ascii-json.ts';
import { fail, succeed, type Outcome } from '../../../shared/protocol/outcome.ts';
import { wechatCode } from '../../../shared/protocol/wechat-code.ts';
import type { PhoneRequest } from '../../../shared/rpc/contract.ts';
import { phoneCodeKey, phoneOwnerOf, type AppUser } from '../../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import { dropped, reserveMs, type CallContext, type CallHandler, type Dropped } from '../rpc/server.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import type { PhoneLedger } from '../phone/phone-ledger.ts';
import type { Eraser } from '../erasure/eraser.ts';
import { reasonOf, type DataOwner, type UserData } from '../user-data.ts';
import type { UserDataOpener } from '../user-data-opener.ts';
import type { UserLimit } from '../user-limit.ts';
import { toFailure } from '../../../shared/wechat/answer.ts';
import { traceCalls } from '../../../shared/wechat/traced-calls.ts';
import type { TokenSourceOf } from '../../../shared/wechat/token-source.ts';
import { getPhoneNumber } from '../wechat/phone-number.ts';
import { findTokenSource, prepareUserCall, tellStoreFailure, type UserCallDeps } from './user-call.ts';

interface PhoneDeps extends UserCallDeps {
  readonly ledger: PhoneLedger;
  readonly eraser: Pick<Eraser, 'wasPhoneErased'>;
  readonly seal: Seal;
  readonly userData: UserDataOpener;
  /** Of codes that WeChat is asked about. */
  readonly userLimit: UserLimit;
}

interface PhoneUser {
  readonly app: AppWithSecret;
  readonly tokenOf: TokenSourceOf;
  readonly openId: string;
}

/** How often a process looks whether another's request has an answer. */
const lookAgainMs = 50;

/** qcloud.cam.phone in the worker: the number behind a button's code; from older clients, decrypted. */
export function createPhoneHandler(deps: PhoneDeps): CallHandler<'phone'> {
  const { ledger, eraser, seal, wechat, callWithToken, userLimit } = deps;

  const ask = async (
    code: string,
    { app, tokenOf, openId }: PhoneUser,
    caller: string | undefined,
    context: CallContext,
  ) => {
    let isSent = false;
    const result = await callWithToken(
      {
        app,
        tokenOf,
        openId,
        caller,
        api: 'getuserphonenumber',
        send: (accessToken, timeoutMs) => {
          isSent = true;
          return getPhoneNumber(traceCalls(wechat, context.span), { accessToken, code }, timeoutMs);
        },
      },
      context,
    );
    const outcome: Outcome =
      result.kind === 'ok' ? succeed('PHONE_SUCCESS', `{"phone_info":${result.value}}`) : toFailure(result);
    return { isSent, outcome };
  };

  /**
   * Every run that has a number looks, also one that another run's number was told: an order that comes after this look finds the number in
   * Redis, where it was by then. One of before takes it from there.
   */
  const unlessErased = async (
    outcome: Outcome,
    person: AppUser,
    concluded: Parameters<PhoneLedger['conclude']>[0],
    askedAtUs: number,
  ): Promise<Outcome> => {
    if (!outcome.ok || !(await eraser.wasPhoneErased(person, askedAtUs))) return outcome;
    const erased = fail('codeRefused', 'user_erased');
    await ledger.conclude(concluded, erased);
    return erased;
  };

  /** However many runs and processes have the same code in hand, one sends it. */
  const askOnce = async (
    code: string,
    { row, caller, callerKey = caller }: PhoneRequest,
    user: PhoneUser,
    context: CallContext,
  ): Promise<Outcome | Dropped> => {
    const person: AppUser = { appid: user.app.appid, openId: user.openId };
    const claimed = {
      key: phoneCodeKey(seal, user.app.appid, code),
      requestFingerprint: seal.fingerprint(
        'phone request',
        user.app.appid,
        code,
        String(row),
        ...(callerKey === undefined ? [] : [callerKey]),
      ),
      owner: randomBytes(12).toString('base64url'),
      user: phoneOwnerOf(seal, person),
    };
    let askedAtUs: number;
    for (;;) {
      if (context.remainingMs() <= 0) return dropped;
      const claim = await ledger.claim(claimed);
      if (claim.kind === 'concluded')
        return unlessErased(claim.outcome, person, { ...claimed, owner: claim.owner }, claim.atUs);
      if (claim.kind === 'used') return fail('codeRefused', 'code_used');
      if (claim.kind === 'interrupted' || (claim.kind === 'wait' && context.remainingMs() < reserveMs))
        return fail('wechatUnreachable', 'exchange_interrupted');
      if (claim.kind === 'ask') {
        askedAtUs = claim.atUs;
        break;
      }
      await setTimeout(lookAgainMs);
    }
    if (!(await userLimit.allows(user.app.appid, user.openId))) {
      await ledger.release(claimed).catch(() => undefined);
      return fail('codeRefused', 'limited');
    }
    const { isSent, outcome } = await ask(code, user, caller, context);
    if (!isSent) await userLimit.giveBack(user.app.appid, user.openId);
    await (isSent ? ledger.conclude(claimed, outcome) : ledger.release(claimed)).catch(() => undefined);
    return unlessErased(outcome, person, claimed, askedAtUs);
  };

  return tellStoreFailure('phone number not fetched', async (request, context) => {
    const prepared = await prepareUserCall(deps, request, context);
    if (!prepared.ok) return prepared;
    const { code, userData } = request;
    if (code === undefined) return decryptPhone(deps.userData, userData, prepared);
    if (typeof code !== 'string' || code === '') return fail('codeRefused', 'code_empty');
    if (!wechatCode.test(code)) return fail('codeRefused', 'code_invalid');
    const source = findTokenSource(deps, prepared.app, 'getuserphonenumber');
    if (!source.ok) return source;
    return askOnce(code, request, { ...prepared, tokenOf: source.tokenOf }, context);
  });
}

async function decryptPhone(
  opener: UserDataOpener,
  userData: UserData | undefined,
  owner: DataOwner & { readonly app: AppWithSecret },
): Promise<Outcome> {
  if (userData === undefined) return fail('loginDecryptFailed', 'user_data_not_decrypted');
  if (owner.app.refusesPhoneData === true) return fail('loginDecryptFailed', 'phone_data_off');
  const phoneInfo = await opener.open('phone', 'phone', userData, owner, owner.app);
  if (typeof phoneInfo === 'string') return fail('loginDecryptFailed', phoneInfo);
  return succeed('PHONE_SUCCESS', `{"phone_info":${toAsciiJson(phoneInfo.text)}}`, reasonOf(phoneInfo));
}
