import { badCode, type WechatCall } from './call.ts';
import { fieldsOf, send, sendBy, signWith, type How, type Reply, type Target } from './target.ts';

const needsToken = ({ known, accessTokenFrom }: Target) => (known.accessToken ? undefined : accessTokenFrom);
const needsSession = (target: Target) =>
  needsToken(target) ??
  (target.known.openid && target.known.sessionKey ? undefined : 'a session from the calls before');
const needsPhoneCode = (target: Target) => (target.phoneCode === undefined ? '--phone-code' : needsToken(target));

/** The calls about a user whose session and access token earlier calls brought to light; resetusersessionkey last. */
export const userCalls: readonly WechatCall[] = [
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
