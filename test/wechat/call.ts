import { fieldsOf, type Reply, type Target } from './target.ts';

/** One call of the run, made in the same way at WeChat and in the simulator. */
export interface WechatCall {
  readonly title: string;
  /** What it can't be made without; it is said which when it is missing. */
  readonly needs?: (target: Target) => string | undefined;
  readonly make: (target: Target) => Promise<Reply>;
}

/** Of nobody. */
export const unknownAppid = 'wx0000000000000000';
export const wrongSecret = 'f'.repeat(32);
/** The simulator refuses what begins with `bad`; to WeChat it is a code that never was. */
export const badCode = `bad${'0'.repeat(29)}`;

/** Of an answer to a code, for the calls about its user. */
export function rememberSession({ known }: Target, reply: Reply): Reply {
  const { openid, session_key: sessionKey } = fieldsOf(reply);
  if (typeof openid === 'string' && typeof sessionKey === 'string') Object.assign(known, { openid, sessionKey });
  return reply;
}

export function rememberToken({ known }: Target, reply: Reply): Reply {
  const { access_token: accessToken } = fieldsOf(reply);
  if (typeof accessToken === 'string') Object.assign(known, { accessToken });
  return reply;
}
