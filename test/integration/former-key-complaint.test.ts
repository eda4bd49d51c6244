import test from 'ava';
import pLimit from 'p-limit';
import type { Simulator } from '../../apps/wechat-simulator/simulator.ts';
import { call, newUser, type Answer } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { createRandom, shuffle } from '../support/random.ts';
import type { Sealed } from '../support/sealed-data.ts';
import { startStack, testAppid } from '../support/stack.ts';

// The most reported trouble of mini programs: a button's data are sealed under the key of the moment, wx.login gets another one, and the
// data arrive after it. Here a thousand users have it, each in an order of his own.

const rounds = 1000;
const otherAppid = 'wxfedcba9876543210';
const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 2, workers: 2, app: 'is_default = 1' });
await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [otherAppid, 'x'.repeat(32)]);
const wechat = stack.wechat as Simulator;

type Call = 'decrypt' | 'phone' | 'userinfo' | 'log-in';
type Data = 'sealed before' | 'that no key opens' | 'of another app' | 'of another user';

interface Buttons {
  readonly profile: Sealed & { readonly rawData?: string; readonly signature?: string };
  readonly phone: Sealed;
}

const calls: readonly Call[] = ['decrypt', 'phone', 'userinfo', 'log-in'];

/** The buttons of a mini program, which seal under the key that the user has at this moment. */
function tap(appid: string, user: string): Buttons {
  const { encrypt_data, iv, rawData, signature } = wechat.userData(appid, user);
  const phone = wechat.phoneCode(appid, user);
  return {
    profile: { encrypt_data, iv, rawData, signature },
    phone: { encrypt_data: phone.encrypt_data, iv: phone.iv },
  };
}

function spoil({ encrypt_data, iv }: Sealed): Sealed {
  return { encrypt_data: Buffer.from(Buffer.from(encrypt_data, 'base64').toReversed()).toString('base64'), iv };
}

/** As a back end sends it that escapes nothing in a form. */
const asForm = <Sent extends Sealed>(sent: Sent): Sent => ({
  ...sent,
  encrypt_data: sent.encrypt_data.replaceAll('+', ' '),
  iv: sent.iv.replaceAll('+', ' '),
});

/** Asks as a client does that knows which answers say nothing: on a busy machine the server refuses what it can't do in time. */
async function ask(web: string, interfaceName: string, makePara: () => object): Promise<Answer> {
  const answer = await call(web, interfaceName, makePara());
  return [1001, 1005, 1006].includes(answer.returnCode) ? ask(web, interfaceName, makePara) : answer;
}

/** Each log-in of these users gives them another key. */
const newRenewingUser = () => `newkey${newUser()}`;

/** @returns each step and what became of it */
async function play(number: number): Promise<string[]> {
  const random = createRandom(number);
  const web = stack.urls[number % 2] as string;
  const user = newRenewingUser();
  const logIn = (sent: object = {}) =>
    ask(web, 'qcloud.cam.id_skey', () => ({ code: `${user}~${newUser()}`, appid: testAppid, ...sent }));

  await logIn();
  const before = tap(testAppid, user);
  let session = (await logIn()).returnData as { readonly id: string; readonly skey: string };

  const foreign = ({ profile: { encrypt_data, iv }, phone }: Buttons): Buttons => ({
    profile: { encrypt_data, iv },
    phone,
  });
  const dataOf: Readonly<Record<Data, Buttons>> = {
    'sealed before': before,
    'that no key opens': { profile: spoil(before.profile), phone: spoil(before.phone) },
    'of another app': foreign(tap(otherAppid, user)),
    'of another user': foreign(tap(testAppid, newRenewingUser())),
  };
  const send = (name: Call, { profile, phone }: Buttons): Promise<Answer> => {
    const { rawData, signature, ...data } = random() < 0.25 ? asForm(profile) : profile;
    if (name === 'log-in') return logIn(random() < 0.5 ? { ...data, rawData, signature } : data);
    const { id, skey } = session;
    return ask(web, `qcloud.cam.${name}`, () => ({ id, skey, ...(name === 'phone' ? phone : data) }));
  };

  const good = calls.map((name) => [name, 'sealed before'] as const);
  const bad = (['that no key opens', 'of another app', 'of another user'] as const).map(
    (data) => [calls[Math.floor(random() * calls.length)] as Call, data] as const,
  );
  const seen: string[] = [];
  for (const [name, data] of shuffle([...good, ...bad], random)) {
    const answer = await send(name, dataOf[data]);
    if (name === 'log-in' && answer.returnCode === 0) session = answer.returnData as typeof session;
    seen.push(data === 'sealed before' ? `${name}: ${answer.reason}` : `data ${data}: ${answer.returnCode}`);
  }
  return seen;
}

const atOnce = pLimit(24);
const counts = new Map<string, number>();
for (const seen of await Promise.all(Array.from({ length: rounds }, (_, number) => atOnce(play, number))))
  for (const what of seen) counts.set(what, (counts.get(what) ?? 0) + 1);

const countsOf = (begin: string) => [...counts].filter(([what]) => what.startsWith(begin));

for (const name of calls)
  test(`${name} opens data that was sealed before the last log-ins, each time`, (t) => {
    t.deepEqual(countsOf(`${name}: `), [[`${name}: former_key`, rounds]]);
  });

for (const data of ['that no key opens', 'of another app', 'of another user'] satisfies Data[])
  test(`data ${data} are refused each time`, (t) => {
    t.deepEqual(countsOf(`data ${data}: `), [[`data ${data}: 60021`, rounds]]);
  });
