import { createHash } from 'node:crypto';
import { fail, type Outcome } from '../../../shared/protocol/outcome.ts';
import { readOptional, readParameters } from '../../../shared/protocol/request.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { chooseApp } from '../../../shared/session/app-settings.ts';
import type { Interface, InterfaceParts } from './interface.ts';
import { loginFailure } from './store-failure.ts';

/** qcloud.cam.id_skey: log in (PROTOCOL.md, 3). A worker does it; here the request is checked and its answer awaited. */
export function createIdSkey({ apps, ask, login }: InterfaceParts): Interface {
  /** Identical requests share one question. */
  const asking = new Map<string, Promise<Outcome>>();

  return async (para, { requestId, requestedAppid }) => {
    const parameters = readParameters(para, login.requiresUserData ? ['code', 'encrypt_data'] : ['code']);
    if (parameters === undefined) return fail('parameterError');
    const { code } = parameters;
    try {
      const app = chooseApp(await apps.current(), requestedAppid);
      if (app === undefined) return fail('noApp');
      if (typeof code !== 'string' || code === '') return fail('codeRefused', 'code_empty');
      const request = toLoginRequest(app.appid, code, para);
      const fingerprint = createHash('sha256').update(JSON.stringify(request)).digest('base64');
      const shared = asking.get(fingerprint);
      if (shared !== undefined) return await shared;
      const shardKey = `${app.appid}\0${code}`;
      const answer = ask('login', request, { shardKey, timeoutMs: login.deadlineMs, requestId }).finally(() =>
        asking.delete(fingerprint),
      );
      asking.set(fingerprint, answer);
      return await answer;
    } catch (error) {
      return loginFailure(error);
    }
  };
}

function toLoginRequest(appid: string, code: string, para: unknown): LoginRequest {
  const encryptData = readOptional(para, 'encrypt_data');
  const iv = readOptional(para, 'iv');
  if (encryptData === undefined) return { appid, code };
  return { appid, code, userData: iv === undefined ? { encryptData } : { encryptData, iv } };
}
