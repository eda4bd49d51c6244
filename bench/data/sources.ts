import { join } from 'node:path';
import { createUserData } from '../../apps/wechat-simulator/users.ts';
import { writeRecords, type RequestSource } from '../load/source.ts';
import { credentialsOf } from './sessions.ts';

const json = { 'Content-Type': ['application/json'] } as const;
const credentialLength = 32;
const authSuccess = '"returnMessage":"AUTH_SUCCESS"';

/** Auth checks by id and skey. @param order numbers of the sessions, one after another */
export function createAuthSource(dir: string, name: string, order: ArrayLike<number>): RequestSource {
  const { recordsFile, recordBytes } = writeCredentials(dir, `auth-${name}`, order);
  return {
    method: 'POST',
    path: '/mina_auth/',
    headers: json,
    body: [
      '{"version":1,"componentName":"MA","interface":{"interfaceName":"qcloud.cam.auth","para":{"id":"',
      { from: 0, length: credentialLength },
      '","skey":"',
      { from: credentialLength, length: credentialLength },
      '"}}}',
    ],
    recordsFile,
    recordBytes,
    records: order.length,
    expect: authSuccess,
  };
}

/** The same checks with a head that the fast lane leaves to Node's HTTP server and Koa. */
export function offTheLane(source: RequestSource): RequestSource {
  return { ...source, headers: { ...source.headers, TE: ['trailers'] } };
}

/** The same checks as a gateway sends them, with id and skey in headers. */
export function createForwardAuthSource(dir: string, name: string, order: ArrayLike<number>): RequestSource {
  return {
    method: 'GET',
    path: '/forward-auth',
    headers: {
      'X-WX-Id': [{ from: 0, length: credentialLength }],
      'X-WX-Skey': [{ from: credentialLength, length: credentialLength }],
    },
    body: [],
    ...writeCredentials(dir, `forward-auth-${name}`, order),
    records: order.length,
    // The body is empty: the status says it, which is looked at anyway.
    expect: '',
  };
}

function writeCredentials(
  dir: string,
  name: string,
  order: ArrayLike<number>,
): { readonly recordsFile: string; readonly recordBytes: number } {
  const recordsFile = join(dir, name);
  const recordBytes = writeRecords(recordsFile, order.length, (index) => {
    const { id, skey } = credentialsOf(order[index] as number);
    return id + skey;
  });
  return { recordsFile, recordBytes };
}

/** The same checks for a peer whose clients name their session by a cookie. */
export function createCookieSource(
  dir: string,
  name: string,
  order: ArrayLike<number>,
  cookieOf: (id: string) => string,
): RequestSource {
  const recordsFile = join(dir, `cookie-${name}`);
  const recordBytes = writeRecords(recordsFile, order.length, (index) =>
    cookieOf(credentialsOf(order[index] as number).id),
  );
  return {
    method: 'GET',
    path: '/auth',
    headers: { Cookie: [{ from: 0, length: recordBytes }] },
    body: [],
    recordsFile,
    recordBytes,
    records: order.length,
    expect: authSuccess,
  };
}

const userNameLength = 8;
const ivLength = 24;

/** Log-ins of many users, each with a code that was never used before and with encrypted user data. */
export function createLoginSource(dir: string, users: number, appid: string): RequestSource {
  const recordsFile = join(dir, 'login');
  const recordBytes = writeRecords(recordsFile, users, (index) => {
    const user = `u${String(index).padStart(userNameLength - 1, '0')}`;
    const { encrypt_data: encryptData, iv } = createUserData(appid, user);
    return user + iv + encryptData;
  });
  const dataFrom = userNameLength + ivLength;
  return {
    method: 'POST',
    path: '/mina_auth/',
    headers: json,
    body: [
      '{"version":1,"componentName":"MA","interface":{"interfaceName":"qcloud.cam.id_skey","para":{"code":"',
      { from: 0, length: userNameLength },
      '~',
      { number: true },
      '","encrypt_data":"',
      { from: dataFrom, length: recordBytes - dataFrom },
      '","iv":"',
      { from: userNameLength, length: ivLength },
      '"}}}',
    ],
    recordsFile,
    recordBytes,
    records: users,
    expect: '"returnCode":0,',
  };
}
