// `npm run test:sdks`: the original's server SDKs in PHP, Java and C#, unmodified, from checkouts whose folders are given.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createUser, createUserData } from '../../apps/wechat-simulator/users.ts';
import { rootDir } from '../support/built.ts';
import { newUser } from '../support/client.ts';
import { startStack, testAppid } from '../support/stack.ts';

const usage = `npm run test:sdks -- [--php DIR] [--java DIR] [--csharp DIR]

  --php DIR     a checkout of wafer-php-server-sdk at 0.4.4 or older; needs php with curl
  --php-program php   another php
  --java DIR    a checkout of wafer-java-server-sdk; needs a JDK and servlet-api.jar (libservlet-api-java)
  --csharp DIR  a checkout of wafer-csharp-server-sdk; needs mono, mcs and Newtonsoft.Json (libnewtonsoft-json5.0-cil)`;

const { values } = parseArgs({
  options: {
    php: { type: 'string' },
    'php-program': { type: 'string', default: 'php' },
    java: { type: 'string' },
    csharp: { type: 'string' },
  },
});
const drivers = join(rootDir, 'test/sdks/drivers');
const servletJar = '/usr/share/java/servlet-api.jar';
const newtonsoft = '/usr/lib/cli/Newtonsoft.Json-5.0/Newtonsoft.Json.dll';

/** A command line that takes the address of the server and what to do. */
type Driver = readonly string[];

interface Said {
  /** The JSON that the SDK sends to the mini program; nothing after a successful check. */
  readonly sent: { readonly session?: { id: string; skey: string }; readonly error?: string };
  /** What the SDK tells the business server: the openId, or why not. */
  readonly told: string;
}

const build = mkdtempSync(join(tmpdir(), 'wafer-sdks-'));
const closers: (() => Promise<unknown>)[] = [];
let failed = 0;
let passed = 0;
try {
  const sdks: [name: string, driver: Driver][] = [];
  if (values.php !== undefined) sdks.push(['PHP', [values['php-program'], join(drivers, 'driver.php'), values.php]]);
  if (values.java !== undefined) sdks.push(['Java', buildJava(values.java)]);
  if (values.csharp !== undefined) sdks.push(['C#', buildCsharp(values.csharp)]);
  if (sdks.length === 0) {
    console.error(usage);
    process.exitCode = 2;
  } else {
    const stack = await startStack({ onClose: (close) => closers.push(close) });
    for (const [name, driver] of sdks) await tryOut(name, driver, `${stack.urls[0]}/mina_auth/`);
    console.log(`${passed} passed, ${failed} failed, 0 skipped`);
    process.exitCode = failed > 0 ? 1 : 0;
  }
} finally {
  for (const close of closers.toReversed()) await close();
  rmSync(build, { recursive: true, force: true });
}

async function tryOut(name: string, driver: Driver, url: string): Promise<void> {
  const check = (title: string, isRight: boolean, said: Said) => {
    if (isRight) passed++;
    else failed++;
    console.log(`${isRight ? '✔' : '✘'} ${name}: ${title}${isRight ? '' : `: ${JSON.stringify(said.told)}`}`);
  };
  const user = newUser();
  const { openid } = createUser(testAppid, user);
  const { encrypt_data, iv } = createUserData(testAppid, user);

  const login = await run(driver, url, ['login', `${user}~1`, encrypt_data, iv]);
  check('a log-in gives a session and the openId', login.told === openid && login.sent.session !== undefined, login);
  const { id, skey } = login.sent.session ?? { id: 'none', skey: 'none' };
  const valid = await run(driver, url, ['check', id, skey]);
  check('a check gives the openId', valid.told === openid, valid);
  const invalid = await run(driver, url, ['check', id, `${skey.slice(0, -1)}!`]);
  check('a wrong skey is ERR_INVALID_SESSION', invalid.sent.error === 'ERR_INVALID_SESSION', invalid);
  const bad = await run(driver, url, ['login', `bad~${user}`, encrypt_data, iv]);
  check('a refused code is told as 40029', bad.sent.error === 'ERR_LOGIN_FAILED' && bad.told.includes('40029'), bad);
  const foreign = createUserData(testAppid, newUser());
  const wrong = await run(driver, url, ['login', `${user}~2`, foreign.encrypt_data, foreign.iv]);
  check('data of another user are told as 60021', wrong.told.includes('60021'), wrong);
}

/** The servers of the stack run in this process, so it must go on while the SDK waits for them. */
async function run(driver: Driver, url: string, args: readonly string[]): Promise<Said> {
  const [program, ...rest] = driver as [string, ...string[]];
  const output = await new Promise<string>((resolve, reject) =>
    execFile(program, [...rest, url, ...args], (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${program}: ${stderr}${stdout}`)),
    ),
  );
  const sent = /^sent: (.+)$/m.exec(output)?.[1] ?? '{}';
  return { sent: JSON.parse(sent) as Said['sent'], told: /^told: (.*)$/m.exec(output)?.[1] ?? '' };
}

function buildJava(dir: string): Driver {
  const sdk = join(dir, 'com.qcloud.weapp.sdk');
  const classPath = [build, servletJar, join(sdk, 'lib', 'org.json.jar')].join(':');
  const args = ['-nowarn', '-encoding', 'UTF-8', '-d', build, '-cp', classPath, '-sourcepath', join(sdk, 'src')];
  execFileSync('javac', [...args, join(drivers, 'Driver.java')], { stdio: ['ignore', 'ignore', 'inherit'] });
  return ['java', '-cp', classPath, 'Driver'];
}

function buildCsharp(dir: string): Driver {
  const sdk = join(dir, 'QCloud.WeApp.SDK');
  const sources = readdirSync(sdk, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cs') && !/^(?:obj|bin)\//.test(name))
    .map((name) => join(sdk, name));
  const program = join(build, 'Driver.exe');
  const references = ['System.Web.dll', 'System.Net.Http.dll', 'Microsoft.CSharp.dll', newtonsoft];
  const args = ['-nowarn:0168,1701', `-out:${program}`, ...references.map((each) => `-r:${each}`)];
  const { status, stderr, stdout } = spawnSync('mcs', [...args, ...sources, join(drivers, 'Driver.cs')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`mcs: ${stdout}${stderr}`);
  execFileSync('cp', [newtonsoft, build]);
  return ['mono', program];
}
