// The same bytes as ours.
const tail = ',"version":1,"componentName":"MA"}';

export const successOf = (userInfo) =>
  `{"returnCode":0,"returnMessage":"AUTH_SUCCESS","returnData":{"user_info":${userInfo}}${tail}`;

export const failure = `{"returnCode":60012,"returnMessage":"AUTH_FAIL","returnData":""${tail}`;

export const cookieSecret = 'the secret of the bench, 32 characters or more';
