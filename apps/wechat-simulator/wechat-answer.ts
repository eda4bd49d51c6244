/** An answer of WeChat as it goes out: JSON that it calls text/plain. */
export interface WechatAnswer {
  status: number;
  body: string;
  delayMs: number;
}

export function success(fields: object, delayMs = 0): WechatAnswer {
  return { status: 200, body: JSON.stringify(fields), delayMs };
}

export function failure(errcode: number, errmsg: string): WechatAnswer {
  return { status: 200, body: JSON.stringify({ errcode, errmsg }), delayMs: 0 };
}
