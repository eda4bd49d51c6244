import { fieldsOf, send, sendBy, signWith, type How, type Reply, type Target } from './target.ts';

/** One call of the run, made in the same way at WeChat and in the simulator. */
export interface WechatCall {
  readonly title: string;
  /** What it can't be made without; it is said which when it is missing. */
  readonly needs?: (target: Target) => string | undefined;
  readonly make: (target: Target) => Promise<Reply>;
}

const unknownAppid = 'wx0000000000000000';
const wrongSecret = 'f'.repeat(32);
/** The simulator refuses what begins with `bad`; to WeChat it is a code that never was. */
const badCode = `bad${'0'.repeat(29)}`;

const needsSession = ({ known }: Target) =>
  known.openid && known.sessionKey && known.accessToken
    ? undefined
    : 'a session and an access token from the calls before';
const needsPhoneCode = (target: Target) => (target.phoneCode === undefined ? '--phone-code' : needsToken(target));
const needsToken = ({ known }: Target) => (known.accessToken ? undefined : 'an access token from the calls before');

/** Every call of the worker, with its failures, in an order in which each finds what it needs; resetusersessionkey last. */
export const wechatCalls: readonly WechatCall[] = [
  { title: 'jscode2session, unknown appid', make: (target) => exchange(target, { appid: unknownAppid }) },
  {
    title: 'jscode2session, wrong secret',
    make: (target) => exchange(target, { secret: wrongSecret, js_code: badCode }),
  },
  { title: 'jscode2session, no code', make: (target) => exchange(target, { js_code: '' }) },
  { title: 'jscode2session, invalid code', make: (target) => exchange(target, { js_code: badCode }) },
  {
    title: 'jscode2session, fresh code',
    async make(target) {
      const reply = await exchange(target, {});
      const { openid, session_key: sessionKey } = fieldsOf(reply);
      if (typeof openid === 'string' && typeof sessionKey === 'string')
        Object.assign(target.known, { openid, sessionKey });
      return reply;
    },
  },
  { title: 'jscode2session, used code', make: (target) => exchange(target, {}) },
  { title: 'stable_token, unknown appid', make: (target) => fetchToken(target, { appid: unknownAppid }) },
  { title: 'stable_token, wrong secret', make: (target) => fetchToken(target, { secret: wrongSecret }) },
  {
    title: 'stable_token',
    async make(target) {
      const reply = await fetchToken(target, {});
      const { access_token: accessToken } = fieldsOf(reply);
      if (typeof accessToken === 'string') Object.assign(target.known, { accessToken });
      return reply;
    },
  },
  { title: 'checksession, live key', needs: needsSession, make: (target) => askAboutKey(target, 'checksession', {}) },
  {
    title: 'checksession, wrong signature',
    needs: needsSession,
    make: (target) => askAboutKey(target, 'checksession', signWith('not the key')),
  },
  {
    title: 'checksession, invalid access token',
    needs: needsSession,
    make: (target) => askAboutKey(target, 'checksession', { access_token: 'invalid' }),
  },
  {
    title: 'getuserphonenumber, invalid access token',
    make: (target) => fetchPhoneNumber(target, { access_token: 'invalid' }, badCode),
  },
  {
    title: 'getuserphonenumber, invalid code',
    needs: needsToken,
    make: (target) => fetchPhoneNumber(target, {}, badCode),
  },
  {
    title: 'getuserphonenumber, fresh code',
    needs: needsPhoneCode,
    make: (target) => fetchPhoneNumber(target, {}, target.phoneCode ?? ''),
  },
  {
    title: 'getuserphonenumber, used code',
    needs: needsPhoneCode,
    make: (target) => fetchPhoneNumber(target, {}, target.phoneCode ?? ''),
  },
  {
    title: 'getuserencryptkey, by POST without a body',
    needs: needsSession,
    make: (target) => fetchEncryptKeys(target, {}, { method: 'POST' }),
  },
  {
    title: 'getuserencryptkey, by POST with {}',
    needs: needsSession,
    make: (target) => fetchEncryptKeys(target, {}, { method: 'POST', json: {} }),
  },
  {
    title: 'getuserencryptkey, by GET, as its document says',
    needs: needsSession,
    make: (target) => fetchEncryptKeys(target, {}, { method: 'GET' }),
  },
  {
    title: 'getuserencryptkey, wrong signature',
    needs: needsSession,
    make: (target) => fetchEncryptKeys(target, signWith('not the key'), { method: 'POST' }),
  },
  {
    title: 'getuserencryptkey, no openid',
    needs: needsSession,
    make: (target) => fetchEncryptKeys(target, { openid: '' }, { method: 'POST' }),
  },
  {
    title: 'resetusersessionkey, wrong signature',
    needs: needsSession,
    make: (target) => askAboutKey(target, 'resetusersessionkey', signWith('not the key')),
  },
  {
    title: 'resetusersessionkey',
    needs: needsSession,
    async make(target) {
      const reply = await askAboutKey(target, 'resetusersessionkey', {});
      const { session_key: newKey } = fieldsOf(reply);
      const { known } = target;
      if (typeof newKey === 'string') Object.assign(known, { oldSessionKey: known.sessionKey, sessionKey: newKey });
      return reply;
    },
  },
  {
    title: 'checksession, renewed key',
    needs: needsRenewal,
    make: (target) => askAboutKey(target, 'checksession', {}),
  },
  {
    title: 'checksession, key before the renewal',
    needs: needsRenewal,
    make: (target) => askAboutKey(target, 'checksession', signWith(target.known.oldSessionKey ?? '')),
  },
];

function needsRenewal({ known }: Target): string | undefined {
  return known.oldSessionKey ? undefined : 'a renewed session_key from the call before';
}

function exchange(target: Target, different: Record<string, string>): Promise<Reply> {
  const { appid, secret, code } = target;
  const query = { appid, secret, js_code: code, grant_type: 'authorization_code', ...different };
  return send(target, '/sns/jscode2session', query);
}

/** Without force_refresh: the tokens that others use stay good. */
function fetchToken(target: Target, different: Record<string, string>): Promise<Reply> {
  const { appid, secret } = target;
  return send(target, '/cgi-bin/stable_token', {}, { grant_type: 'client_credential', appid, secret, ...different });
}

function askAboutKey(
  target: Target,
  call: 'checksession' | 'resetusersessionkey',
  different: Record<string, string>,
): Promise<Reply> {
  const { accessToken = '', openid = '', sessionKey = '' } = target.known;
  return send(target, `/wxa/${call}`, { access_token: accessToken, openid, ...signWith(sessionKey), ...different });
}

function fetchEncryptKeys(target: Target, different: Record<string, string>, how: How): Promise<Reply> {
  const { accessToken = '', openid = '', sessionKey = '' } = target.known;
  const query = { access_token: accessToken, openid, ...signWith(sessionKey), ...different };
  return sendBy(target, '/wxa/business/getuserencryptkey', query, how);
}

function fetchPhoneNumber(target: Target, different: Record<string, string>, code: string): Promise<Reply> {
  const { accessToken = '' } = target.known;
  return send(target, '/wxa/business/getuserphonenumber', { access_token: accessToken, ...different }, { code });
}
