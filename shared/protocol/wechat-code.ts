/**
 * WeChat's codes are of letters, digits, `-` and `_`, 32 of them from `wx.login` and 64 from a phone number button. Also taken are `.` and
 * `~`, the other two that stand in a URL as they are (RFC 3986, 2.3): so a code never grows on its way to WeChat, and the simulated
 * WeChat marks several codes of one user with `~`.
 */
export const wechatCode = /^[A-Za-z0-9._~-]{1,128}$/;
