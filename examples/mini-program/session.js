// A mini program's log-in. `server` is your own back end (the other examples), not the session server.
// wafer-session.js beside it is packages/client/dist/index.js (npm run build -w packages/client), one file.
// In a page: const { request } = require('./session.js'); request('/profile').then((answer) => …);
//            request('/orders', { method: 'POST', data: { item: 7 } })
// DevTools refuse an address that is not among the app's request domains, 127.0.0.1 too: while you develop, tick Details → Local settings →
// 不校验合法域名 (do not verify valid domains).
const { createClient } = require('./wafer-session.js');

const server = 'https://example.com';
const client = createClient({ loginUrl: `${server}/login` });

/** A request in the name of the user, with method (GET if none is given) and data as wx.request takes them. Logs in by itself. */
function request(path, options) {
  return client.request({ ...options, url: server + path });
}

module.exports = { request };
