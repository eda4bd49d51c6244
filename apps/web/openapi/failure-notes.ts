import type { FailureName } from '../../../shared/protocol/return-codes.ts';

/** What each failure means to a caller: the table of return codes in the OpenAPI document. */
export const failureNotes: Readonly<Record<FailureName, string>> = {
  databaseError: 'The session or the app could not be read, or no worker answered. Says nothing about the session.',
  noInterfaceName: 'The interfaceName is missing, or there is no body.',
  parameterError:
    'A required parameter is missing or null, or para is no object. sign: the data are empty, too long or no string.',
  wechatUnreachable: 'WeChat could not be reached, or did not answer in time.',
  sessionNotWritten: 'The session could not be written, or the request could not be queued or answered in time.',
  wechatAnswerInvalid: 'WeChat’s answer makes no sense.',
  notJson: 'The body is not JSON.',
  unknownInterface: 'There is no interface of this name.',
  noParameters: 'para is missing.',
  noApp: 'No app is configured, or not the one that was named.',
  initRefused: 'Apps are set up on the command line.',
  notAllowed: 'The app does not allow it.',
  codeRefused: 'WeChat refuses the code or the call, or the code was used. X-Wafer-Reason has its errcode.',
  sessionInvalid:
    'The session is not valid, and nothing else: log in again. X-Wafer-Reason says why, to whom it was given.',
  loginDecryptFailed: 'The data do not decrypt, their signature is wrong, or they are another app’s.',
  sessionKeyNotFound: 'decrypt: the session is not valid.',
  decryptFailed: 'decrypt: the data do not decrypt.',
};
