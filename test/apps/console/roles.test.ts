import test from 'ava';
import { z } from 'zod';
import { apiRoutes } from '../../../apps/console/api/index.ts';
import type { ApiRoute, LeastRole } from '../../../apps/console/api/route.ts';
import { isAtLeast, roles, type Role } from '../../../shared/operators/roles.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { pageHeaders, startTestConsole, type Asker } from '../../support/console.ts';

/** `confirmed`: it gives rights or a way in, so a person of this role does it and confirms that it is they. */
type Expected = LeastRole | `${Role}, confirmed`;

/** Who may have every route, by its operationId. A new route has no answer here until it gets a line. */
const expected: Readonly<Record<string, Expected>> = {
  describeApi: 'anyone',

  listWaysToSignIn: 'anyone',
  signIn: 'anyone',
  signOut: 'self',
  setPassword: 'anyone',

  showMe: 'self',
  changeMyPassword: 'self',
  prepareMyTotp: 'self',
  switchMyTotpOn: 'self',
  switchMyTotpOff: 'self',
  listMySignIns: 'self',
  endMySignIn: 'self',

  showNow: 'viewer',
  watchNow: 'viewer',
  listSamples: 'viewer',

  listOperators: 'admin',
  addOperator: 'admin, confirmed',
  addProgram: 'admin, confirmed',
  changeOperator: 'admin, confirmed',
  removeOperator: 'admin',
  renewLink: 'admin, confirmed',

  searchSessions: 'viewer',
  showSession: 'viewer',
  revokeSession: 'operator',
  revokeUser: 'operator',
  exportUser: 'admin',
  eraseUser: 'admin',
  listErasures: 'viewer',

  listApps: 'viewer',
  showApp: 'viewer',
  setApp: 'admin',
  removeApp: 'admin',
  revokeApp: 'operator',
  listTokens: 'viewer',
  renewToken: 'admin',

  listCallers: 'viewer',
  addCaller: 'admin',
  changeCaller: 'admin',
  revokeCaller: 'admin',

  showKeys: 'viewer',
  rotateKeys: 'admin',
  showKeyRotation: 'viewer',

  showQueues: 'viewer',
  runRetention: 'admin',
  listAudit: 'viewer',
  exportAudit: 'admin',
  runDoctor: 'operator',

  listEndpoints: 'viewer',
  addEndpoint: 'admin',
  setEndpoint: 'admin',
  removeEndpoint: 'admin',
  testEndpoint: 'operator',
  replayEndpoint: 'operator',
  skipEvents: 'operator',
  listDeadLetters: 'viewer',
  replayDeadLetter: 'operator',
  followEvents: 'viewer',
};

/** Real routes and a real sign-in; what they would do is left out. */
const stubs: readonly ApiRoute[] = apiRoutes.map(({ method, path, operationId, summary, role, confirm, body }) => ({
  method,
  path,
  operationId,
  summary,
  role,
  ...(confirm === undefined || body === undefined ? {} : { confirm, body }),
  answer: z.object({ reached: z.string() }),
  handle: () => ({ reached: operationId }),
}));
/** What those that are confirmed are asked. */
const bodies: Readonly<Record<string, object>> = {
  addOperator: { name: 'x', role: 'viewer' },
  addProgram: { name: 'x', role: 'viewer' },
  changeOperator: { role: 'viewer' },
  renewLink: {},
};
const onClose = closeAfterAll(test);
const site = await startTestConsole({ onClose });
const stack = { database: site.database, redis: site.redis, env: {} };
const { url, api } = await startTestConsole({ onClose, stack, routes: stubs });

test('the table of roles has every route of the API, and no other', (t) => {
  const table = apiRoutes.map(({ operationId, role, confirm }) => [
    operationId,
    confirm === undefined ? role : `${role}, confirmed`,
  ]);
  t.deepEqual(Object.fromEntries(table), expected);
});

test('no two routes have a method and a path, or a name, in common', (t) => {
  const places = apiRoutes.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, ':')}`);
  t.is(new Set(places).size, places.length);
  t.is(new Set(apiRoutes.map(({ operationId }) => operationId)).size, apiRoutes.length);
});

for (const how of ['by token', 'by cookie'] as const) {
  test(`every route answers each role as the table says, ${how}`, async (t) => {
    const askers: (readonly [Role | 'nobody', Asker])[] = [['nobody', undefined]];
    for (const role of roles)
      askers.push([role, how === 'by token' ? await site.token(role) : await site.signIn(role)]);
    for (const { method, path, operationId } of apiRoutes) {
      const [least, isConfirmed] = (expected[operationId] as Expected).split(', ') as [LeastRole, string?];
      for (const [role, as] of askers) {
        const headers = how === 'by cookie' || as === undefined ? pageHeaders(url) : {};
        const ask = (body?: object) => api(method, path.replaceAll(/:\w+/g, 'x'), { as, headers, body });
        const text = `${method} ${path} as ${role}`;
        const body = bodies[operationId];
        if (isConfirmed === undefined || !mayHave(role, least))
          t.is((await ask(body)).status, statusFor(role, least), text);
        else {
          const code = how === 'by token' ? 'persons_only' : 'confirmation_required';
          t.is((await ask(body)).body.code, code, text);
          const confirm = { password: typeof as === 'object' ? as.password : 'any' };
          t.is((await ask({ ...body, confirm })).status, how === 'by token' ? 403 : 200, text);
        }
      }
    }
  });
}

test('shutting somebody out is confirmed by nobody, letting in and another role are', async (t) => {
  const change = async (as: Asker, body: object) =>
    (await api('PATCH', '/operators/x', { as, body, headers: typeof as === 'string' ? {} : pageHeaders(url) })).status;
  for (const as of [await site.token('admin'), await site.signIn('admin')]) {
    t.is(await change(as, { isDisabled: true }), 200);
    for (const body of [{ isDisabled: false }, { role: 'viewer' }, { role: 'admin', isDisabled: true }])
      t.is(await change(as, body), 403, JSON.stringify(body));
  }
});

function mayHave(role: Role | 'nobody', least: LeastRole): boolean {
  return least === 'anyone' || (role !== 'nobody' && (least === 'self' || isAtLeast(role, least)));
}

function statusFor(role: Role | 'nobody', least: LeastRole): number {
  if (least === 'anyone') return 200;
  if (role === 'nobody') return 401;
  return mayHave(role, least) ? 200 : 403;
}
