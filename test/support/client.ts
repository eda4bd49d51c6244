import { randomBytes } from 'node:crypto';
import { createUserData } from '../../apps/wechat-simulator/users.ts';
import { testAppid } from './stack.ts';
import { noteSecret } from './traces.ts';

export interface Answer {
  readonly returnCode: number;
  readonly returnMessage: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the server sends
  readonly returnData: any;
  readonly reason: string | null;
  readonly text: string;
}

/** Calls one interface of the protocol, as an SDK does. */
export async function call(url: string, interfaceName: string, para: unknown): Promise<Answer> {
  const response = await fetch(`${url}/mina_auth/`, {
    method: 'POST',
    body: JSON.stringify({ version: 1, componentName: 'MA', interface: { interfaceName, para } }),
  });
  const text = await response.text();
  const answer = { ...(JSON.parse(text) as Answer), reason: response.headers.get('x-wafer-reason'), text };
  noteSecretsOf(answer);
  return answer;
}

interface Secrets {
  readonly skey?: unknown;
  readonly phone_info?: { readonly phoneNumber?: unknown };
}

function noteSecretsOf({ returnCode, returnData }: Answer): void {
  if (returnCode !== 0) return;
  const { skey, phone_info: phoneInfo } = returnData as Secrets;
  noteSecret('skey', skey);
  noteSecret('phone number', phoneInfo?.phoneNumber);
}

/** A mini program's log-in of a simulated user: with its profile in today's encryption. */
export function login(url: string, code: string, appid = testAppid): Promise<Answer> {
  const { encrypt_data, iv } = createUserData(appid, code);
  return call(url, 'qcloud.cam.id_skey', { code, encrypt_data, iv });
}

export function auth(url: string, session: { id: string; skey: string }): Promise<Answer> {
  return call(url, 'qcloud.cam.auth', { id: session.id, skey: session.skey });
}

/** The name of a user whom no other test has. */
export function newUser(): string {
  return `user${randomBytes(6).toString('hex')}`;
}
