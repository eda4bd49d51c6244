import { randomBytes } from 'node:crypto';

/** An answer of WeChat as it goes out: JSON that it calls text/plain. */
export interface WechatAnswer {
  status: number;
  body: string;
  delayMs: number;
}

export function success(fields: object, delayMs = 0): WechatAnswer {
  return { status: 200, body: JSON.stringify(fields), delayMs };
}

/** With the name of the one request at its end, for which WeChat's support asks first. */
export function failure(errcode: number, errmsg: string): WechatAnswer {
  const time = Math.floor(Date.now() / 1000).toString(16);
  const random = randomBytes(8).toString('hex');
  const rid = `${time}-${random.slice(0, 8)}-${random.slice(8)}`;
  return { status: 200, body: JSON.stringify({ errcode, errmsg: `${errmsg} rid: ${rid}` }), delayMs: 0 };
}
