import test from 'ava';
import * as fc from 'fast-check';
import { createUserData } from '../../apps/wechat-simulator/users.ts';
import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';
import { failures } from '../../shared/protocol/return-codes.ts';
import { auth, login, newUser } from '../support/client.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { until } from '../support/until.ts';
import { closeAfterAll } from '../support/closing.ts';
import { readEnvelope, type Envelope } from '../support/envelope-check.ts';
import { createPoster } from '../support/post.ts';
import { checkManyAtOnce } from '../support/properties.ts';
import { sessionInterfaces } from '../support/session-interfaces.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { openBothWays } from '../support/ways.ts';
import { damaged, deepText, jsonText, requestText } from './json-texts.ts';
import { isJsonForPhp } from './php-json-reference.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 2 });
const { json } = await runCli(stack.env, ['caller', 'add', 'all', '--may', 'default,forget', '--json']);
/** The bodies go to one with the fast lane and one without it in turn, with the key of a caller who may call everything. */
const urls = (await openBothWays(stack)).map(({ url }) => `${url}/k/${json.key}`);
// Few: a busy process takes in one new connection in each turn of its event loop, while it answers all that are open.
const poster = createPoster({ sockets: 40 });
const user = newUser();
const { returnData: session } = (await login(stack.urls[0], user)) as { returnData: { id: string; skey: string } };
const userData = createUserData(testAppid, user);
/** Sessions that may be ended by what is sent. */
const sessions = await Promise.all(Array.from({ length: 60 }, () => login(stack.urls[0], newUser())));
onClose(async () => poster.close());

let codes = 0;
const good = fc
  .record({
    /** undefined: the session that all of this must leave alone, without its skey. */
    open: fc.option(fc.constantFrom(...sessions.map(({ returnData }) => returnData as typeof session)), {
      nil: undefined,
    }),
    // Used once each, so that log-ins with them really happen; of few users, so that most are log-ins again.
    code: fc.constantFrom('a', 'b', 'c', 'bad', 'garbage').map((name) => `${name}~${user}${codes++}`),
    encrypt_data: fc.constantFrom(userData.encrypt_data, userData.legacy_encrypt_data, ''),
  })
  .map(({ open = { id: session.id, skey: 'not its skey' }, code, encrypt_data }) => {
    const all = { ...open, code, encrypt_data, iv: userData.iv, rawData: userData.rawData };
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, JSON.stringify(value)]));
  });
const toBytes = (texts: fc.Arbitrary<string>) => texts.map((text) => new Uint8Array(Buffer.from(text)));
const body = fc.oneof(
  { weight: 16, arbitrary: toBytes(requestText(good)) },
  { weight: 3, arbitrary: damaged(requestText(good)) },
  { weight: 2, arbitrary: toBytes(fc.oneof(jsonText, deepText)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
);

const send = async (bytes: Uint8Array, index: number): Promise<Envelope> => {
  const url = urls[index % urls.length] as string;
  return readEnvelope(await poster.post(`${url}/mina_auth/`, bytes));
};

/** What the first checks of docs/protocol.md#checks make of a body, said once more; undefined: they pass. */
function firstChecks(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'noInterfaceName';
  if (!isJsonForPhp(bytes)) return 'notJson';
  const call = own(JSON.parse(Buffer.from(bytes).toString()), 'interface');
  const name = own(call, 'interfaceName') ?? undefined;
  if (name === undefined) return 'noInterfaceName';
  if ((own(call, 'para') ?? undefined) === undefined) return 'noParameters';
  return typeof name === 'string' && interfaceSchemas.has(name) ? undefined : 'unknownInterface';
}

function own(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}

/** Whether an answer is one that this very request can get while every store is there. */
function checkAnswer(bytes: Uint8Array, { returnCode, returnMessage, reason }: Envelope): void {
  const told = `${returnCode} ${returnMessage} ${reason ?? ''}`;
  const expected = firstChecks(bytes);
  const named = (failure: string) => {
    const { code, message } = failures[failure as keyof typeof failures];
    return `${code} ${message}`;
  };
  if (expected !== undefined) {
    if (`${returnCode} ${returnMessage}` !== named(expected)) throw new Error(`${told} instead of ${expected}`);
    return;
  }
  const request = JSON.parse(Buffer.from(bytes).toString()) as { interface: { interfaceName: string } };
  const schema = interfaceSchemas.get(request.interface.interfaceName);
  const possible = [
    ...(schema?.messages ?? []).map((message) => `0 ${message}`),
    ...[...(schema?.failures ?? []), 'parameterError', 'noApp'].map(named),
  ];
  if (!possible.includes(`${returnCode} ${returnMessage}`)) throw new Error(`${told} is no answer of this interface`);
  if (['internal', 'store_unavailable'].includes(reason ?? '')) throw new Error(`${told}: all stores are there`);
}

test.serial('any body gets the envelope that its first fault deserves', async (t) => {
  const tally: Record<string, number> = {};
  await checkManyAtOnce(
    body,
    async (bytes, index) => {
      let envelope = await send(bytes, index);
      // On a busy machine MySQL may answer late.
      if (envelope.reason === 'store_unavailable')
        await until('the stores answer', async () => {
          envelope = await send(bytes, index);
          return envelope.reason !== 'store_unavailable';
        });
      tally[envelope.returnCode] = (tally[envelope.returnCode] ?? 0) + 1;
      checkAnswer(bytes, envelope);
    },
    { runs: 10_000, atOnce: 250 },
  );
  t.log('answers by code', tally);
  t.deepEqual(Object.keys(Object.prototype), []);
  t.is((await auth(stack.urls[0], session)).returnCode, 0, 'the session that all of it was about is as good as before');
});

// What can be in the database; anything else is certainly wrong, whatever is away.
const credential = (right: string) =>
  fc.oneof(fc.constant(right), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }));

test.serial('while nothing can be read no credentials are called wrong', async (t) => {
  await stack.redis?.close();
  stack.database.cut();
  const request = fc.record({
    called: fc.constantFrom(...sessionInterfaces),
    id: credential(session.id),
    skey: credential(session.skey),
    encrypt_data: fc.string(),
    iv: fc.string(),
  });
  try {
    await checkManyAtOnce(
      request,
      async ({ called: { name, example }, ...para }, index) => {
        const body = JSON.stringify({ interface: { interfaceName: name, para: { ...example, ...para } } });
        const { returnCode, returnMessage, reason } = await send(Buffer.from(body), index);
        const isRight = para.id === session.id && para.skey === session.skey;
        const possible = isRight ? [0, 1001, 1006] : [1001, 1006];
        if (!possible.includes(returnCode)) throw new Error(`${returnCode} ${returnMessage} ${reason}`);
      },
      { runs: 500, atOnce: 100 },
    );
  } finally {
    stack.database.restore();
  }
  t.pass();
});
