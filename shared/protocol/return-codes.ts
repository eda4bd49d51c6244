/**
 * Every failure of the protocol: the name used in this code, its wire code and its wire message
 * (docs/protocol.md#return-codes).
 *
 * The interfaces that the original did not have answer with the same codes, and add these messages:
 *
 * | interface | success (0) | failures of its own |
 * |---|---|---|
 * | qcloud.cam.logout | LOGOUT_SUCCESS | 60012, 1006 if it could not be written |
 * | qcloud.cam.userinfo | USERINFO_SUCCESS | 60012, 60021 DECRYPT_FAIL, 1001 not read, 1006 not written |
 * | qcloud.cam.phone | PHONE_SUCCESS | 60012, 60021 DECRYPT_FAIL (with encrypt_data), 1001, WeChat's |
 * | qcloud.cam.checksession | CHECKSESSION_SUCCESS | 60012, 1001, WeChat's |
 * | qcloud.cam.forget | FORGET_SUCCESS | 60012, 1001 not read, 1006 not written |
 * | qcloud.cam.resetkey | RESETKEY_SUCCESS | 60012, 1001 not read, 1006 not written, WeChat's |
 * | qcloud.cam.sign | SIGN_SUCCESS | 60012, 1001, 1003 for data that is not signed, 1014 NOT_ALLOWED |
 * | qcloud.cam.encryptkey | ENCRYPTKEY_SUCCESS | 60012, 1001, WeChat's |
 *
 * WeChat's: 1005 it could not be reached, 40029 it answered an errcode (X-Wafer-Reason `wechat:<errcode>`), 1007 its answer makes no sense.
 */
export const failures = {
  databaseError: { code: 1001, message: 'MYSQL_ERR' },
  noInterfaceName: { code: 1002, message: 'NO_INTERFACENAME_PARA' },
  parameterError: { code: 1003, message: 'PARA_ERR' },
  wechatUnreachable: { code: 1005, message: 'WEIXIN_NET_ERR' },
  sessionNotWritten: { code: 1006, message: 'CHANGE_SESSION_ERR' },
  wechatAnswerInvalid: { code: 1007, message: 'WEIXIN_RETURN_ERR' },
  notJson: { code: 1009, message: 'REQUEST_IS_NOT_JSON' },
  unknownInterface: { code: 1010, message: 'INTERFACENAME_PARA_ERR' },
  noParameters: { code: 1011, message: 'NO_PARA' },
  noApp: { code: 1012, message: 'NO_APPID' },
  initRefused: { code: 1013, message: 'INIT_APPINFO_FAIL' },
  notAllowed: { code: 1014, message: 'NOT_ALLOWED' },
  codeRefused: { code: 40029, message: 'WEIXIN_CODE_ERR' },
  sessionInvalid: { code: 60012, message: 'AUTH_FAIL' },
  loginDecryptFailed: { code: 60021, message: 'DECRYPT_FAIL' },
  sessionKeyNotFound: { code: 60021, message: 'GET_SESSION_KEY_FAIL' },
  decryptFailed: { code: 60021, message: 'GET_SESSION_KEY_SUCCESS_BUT_DECRYPT_FAIL' },
} as const;

export type FailureName = keyof typeof failures;

export type SuccessMessage =
  | 'AUTH_SUCCESS'
  | 'NEW_SESSION_SUCCESS'
  | 'UPDATE_SESSION_SUCCESS'
  | 'DECRYPT_SUCCESS'
  | 'LOGOUT_SUCCESS'
  | 'USERINFO_SUCCESS'
  | 'PHONE_SUCCESS'
  | 'CHECKSESSION_SUCCESS'
  | 'RESETKEY_SUCCESS'
  | 'SIGN_SUCCESS'
  | 'ENCRYPTKEY_SUCCESS'
  // Of `GET /k/<key>/token`; it is in no envelope.
  | 'TOKEN_SUCCESS'
  | 'FORGET_SUCCESS'
  // Of `POST /k/<key>/wechat-event`; it is in no envelope either.
  | 'WECHAT_EVENT_SUCCESS';
