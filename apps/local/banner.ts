import { randomBytes } from 'node:crypto';

import { linkUrl } from '../../shared/operators/link-url.ts';
import { createUserData } from '../wechat-simulator/users.ts';

export interface BannerFacts {
  /** Where web listens, as a client on this machine writes it. */
  address: string;
  dataDir: string;
  logsDir: string;
  loginFile: string;
  /** What data and queue lie in, without passwords. */
  servers: string[];
  /** Undefined: a real WeChat. */
  simulator: { url: string; appid: string } | undefined;
  realAppids: string[];
  console: {
    url: string;
    /** Who gets in; undefined: nobody that was made here. */
    name: string | undefined;
    /** Of the link by which their password is set; undefined: it is. */
    linkSecret: string | undefined;
  };
}

/** What `npm start` says when everything runs. */
export function createBanner(facts: BannerFacts): string {
  const { simulator, realAppids } = facts;
  const wechat = simulator
    ? [`WeChat     simulated, ${simulator.url}; any code logs a user in, alice~1 and alice~2 the same one`]
    : [`WeChat     the real one${realAppids.length > 0 ? `, for ${realAppids.join(', ')}` : ''}`];
  return [
    '',
    `wafer-session is ready:  ${facts.address}/mina_auth/`,
    '',
    ...facts.servers,
    `Data       ${facts.dataDir}`,
    `Logs       ${facts.logsDir}`,
    ...wechat,
    `Console    ${facts.console.url}/`,
    '',
    ...(simulator ? describeDemo(facts, simulator.appid) : describeReal(facts)),
    '',
    ...describeConsole(facts),
    '',
    simulator ? 'To use a real mini program: npx wafer app set wx…' : 'To change the app: npx wafer app set wx…',
    '(it asks for the secret), then stop this with Ctrl-C and run npm start again.',
    '',
    'Ctrl-C stops everything that was started here; the data stay.',
    '',
  ].join('\n');
}

function describeDemo(facts: BannerFacts, appid: string): string[] {
  const code = `guest${randomBytes(4).toString('hex')}~1`;
  const { encrypt_data, iv } = createUserData(appid, code);
  return [
    'Log in as a new user (works once, like every code of WeChat):',
    '',
    loginLine(facts, { code, encrypt_data, iv }),
    '',
    'Check the session of the last log-in:',
    '',
    checkLine(facts),
  ];
}

function describeReal(facts: BannerFacts): string[] {
  return [
    'Log in: put a fresh code of wx.login() in the place of CODE:',
    '',
    loginLine(facts, { code: 'CODE' }),
    '',
    'Check the session of the last log-in:',
    '',
    checkLine(facts),
  ];
}

function describeConsole({ console: { url, name, linkSecret } }: BannerFacts): string[] {
  if (linkSecret !== undefined)
    return [
      `Open the console: set the password of ${name} here, once, within two hours:`,
      '',
      linkUrl(url, linkSecret),
    ];
  if (name !== undefined)
    return [`Open the console: sign in as ${name}. A new password: npx wafer operator link ${name}`];
  return [
    'Open the console: npx wafer operator add <name> --role admin, and set the password that it gives a link for.',
  ];
}

function loginLine({ address, loginFile }: BannerFacts, para: Record<string, string>): string {
  return `${curl(address)} -d ${quote(envelope('qcloud.cam.id_skey', para))} | tee ${quote(loginFile)}`;
}

/** The body is made by sed from the answer to the log-in, so that the line needs nothing but sh, sed and curl. */
function checkLine({ address, loginFile }: BannerFacts): string {
  const body = envelope('qcloud.cam.auth', { id: '\\1', skey: '\\2' }).replaceAll('\\\\', '\\');
  const script = `s/.*"id":"([^"]*)","skey":"([^"]*)".*/${body}/`;
  return `${curl(address)} -d "$(sed -E '${script}' ${quote(loginFile)})"`;
}

function curl(address: string): string {
  return `curl -sS -w '\\n' ${quote(`${address}/mina_auth/`)} -H 'Content-Type: application/json'`;
}

function envelope(interfaceName: string, para: Record<string, string>): string {
  return JSON.stringify({ version: 1, componentName: 'MA', interface: { interfaceName, para } });
}

/** For sh and bash. */
function quote(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
