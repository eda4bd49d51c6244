import test from 'ava';
import { z } from 'zod';
import { apiRoutes } from '../../../apps/console/api/index.ts';
import type { ApiRoute, LeastRole } from '../../../apps/console/api/route.ts';
import { roles, type Role } from '../../../shared/operators/roles.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { pageHeaders, startTestConsole, type Asker } from '../../support/console.ts';

/** The least role of every route, by its operationId. A new route has no answer here until it gets a line. */
const expected: Readonly<Record<string, LeastRole>> = {
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
  addOperator: 'admin',
  addProgram: 'admin',
  changeOperator: 'admin',
  removeOperator: 'admin',
  renewLink: 'admin',

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
const stubs: readonly ApiRoute[] = apiRoutes.map(({ method, path, operationId, summary, role }) => ({
  method,
  path,
  operationId,
  summary,
  role,
  answer: z.object({ reached: z.string() }),
  handle: () => ({ reached: operationId }),
}));
const onClose = closeAfterAll(test);
const site = await startTestConsole({ onClose });
const stack = { database: site.database, redis: site.redis, env: {} };
const { url, api } = await startTestConsole({ onClose, stack, routes: stubs });

test('the table of roles has every route of the API, and no other', (t) => {
  t.deepEqual(Object.fromEntries(apiRoutes.map(({ operationId, role }) => [operationId, role])), expected);
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
      const least = expected[operationId] as LeastRole;
      for (const [role, as] of askers) {
        const headers = how === 'by cookie' || as === undefined ? pageHeaders(url) : {};
        const answer = await api(method, path.replaceAll(/:\w+/g, 'x'), { as, headers });
        t.is(answer.status, statusFor(role, least), `${method} ${path} as ${role}`);
      }
    }
  });
}

function statusFor(role: Role | 'nobody', least: LeastRole): number {
  if (least === 'anyone') return 200;
  if (role === 'nobody') return 401;
  return least === 'self' || roles.indexOf(role) >= roles.indexOf(least) ? 200 : 403;
}
