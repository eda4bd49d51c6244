// A mini program's log-in without an SDK. `server` is your own back end (the other examples), not the session server.
// In a page: const { request } = require('./session.js'); request('/profile').then((answer) => …);
//            request('/orders', { method: 'POST', data: { item: 7 } })
// DevTools refuse an address that is not among the app's request domains, 127.0.0.1 too: while you develop, tick Details → Local settings →
// 不校验合法域名 (do not verify valid domains).
const server = 'https://example.com';

const send = (path, header, { method = 'GET', data } = {}) =>
  new Promise((resolve, reject) => {
    // A log-in takes up to 10 s (the back end's own limit).
    wx.request({ url: server + path, method, data, header, timeout: 15000, success: resolve, fail: reject });
  });

/** One log-in at a time, however many requests wait for it: each code makes a new session, and ends the one before. */
let loggingIn;

function logIn() {
  loggingIn ??= new Promise((resolve, reject) => wx.login({ success: resolve, fail: reject }))
    .then(({ code, errMsg }) => {
      // WeChat calls `success` without a code as well.
      if (!code) throw new Error(`wx.login gave no code: ${errMsg}`);
      return send('/login', { 'X-WX-Code': code }, { method: 'POST' });
    })
    .then(({ statusCode, data }) => {
      if (statusCode !== 200) throw new Error(`log-in failed: ${statusCode} ${data.returnMessage}`);
      wx.setStorageSync('session', { id: data.returnData.id, skey: data.returnData.skey });
    })
    .finally(() => (loggingIn = undefined));
  return loggingIn;
}

/**
 * A request in the name of the user, with method (GET if none is given) and data as wx.request takes them. Logs in if there is no session,
 * and once more if it is no longer valid (401).
 */
async function request(path, options, mayLogIn = true) {
  const session = wx.getStorageSync('session');
  if (!session) await logIn();
  const { id, skey } = wx.getStorageSync('session');
  const response = await send(path, { 'X-WX-Id': id, 'X-WX-Skey': skey }, options);
  if (response.statusCode !== 401 || !mayLogIn) return response;
  // Another request may have logged in meanwhile: then its session counts.
  if (wx.getStorageSync('session').skey === skey) wx.removeStorageSync('session');
  return request(path, options, false);
}

module.exports = { request };
