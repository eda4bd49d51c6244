import { authCold } from './auth-cold.ts';
import { authOffLane } from './auth-off-lane.ts';
import { authVsExpressSession, authVsFastifySession, authVsKoaPlain, authVsKoaSession } from './auth-peers.ts';
import { authVsNginx } from './auth-vs-nginx.ts';
import { authZipf } from './auth-zipf.ts';
import {
  buildAuthCold,
  buildAuthOffLane,
  buildAuthZipf,
  buildForwardAuth,
  buildLogin,
  buildLoginWechat100ms,
} from './builds.ts';
import { events } from './events.ts';
import { forwardAuthVsAuth, forwardAuthZipf } from './forward-auth-zipf.ts';
import { buildIdle } from './idle.ts';
import { liveView } from './live-view.ts';
import { loginFrontEnds } from './login-front-ends.ts';
import { loginVsInline } from './login-vs-inline.ts';
import { loginVsTextbookQueue } from './login-vs-textbook-queue.ts';
import { loginWechat100ms } from './login-wechat-100ms.ts';
import { memoryPerSession } from './memory-per-session.ts';
import { mixed } from './mixed.ts';
import type { ScenarioName } from './names.ts';
import { retention } from './retention.ts';
import { revoke } from './revoke.ts';
import { scale } from './scale.ts';
import type { Scenario } from './scenario.ts';
import { search } from './search.ts';
import { start } from './start.ts';
import { tracesCheck, tracesLogin } from './traces.ts';

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  'auth.zipf': authZipf,
  'auth.cold': authCold,
  'auth.off-lane': authOffLane,
  'forward-auth.zipf': forwardAuthZipf,
  'forward-auth.vs-auth': forwardAuthVsAuth,
  'auth.vs-nginx': authVsNginx,
  'auth.vs-koa-plain': authVsKoaPlain,
  'auth.vs-express-session': authVsExpressSession,
  'auth.vs-fastify-session': authVsFastifySession,
  'auth.vs-koa-session': authVsKoaSession,
  'login.vs-textbook-queue': loginVsTextbookQueue,
  'login.vs-inline': loginVsInline,
  'login.wechat-100ms': loginWechat100ms,
  'login.front-ends': loginFrontEnds,
  mixed,
  'memory.per-session': memoryPerSession,
  scale,
  start,
  revoke,
  retention,
  'live-view': liveView,
  search,
  events,
  'traces.check': tracesCheck,
  'traces.login': tracesLogin,
  'build.auth-zipf': buildAuthZipf,
  'build.auth-cold': buildAuthCold,
  'build.auth-off-lane': buildAuthOffLane,
  'build.forward-auth': buildForwardAuth,
  'build.login': buildLogin,
  'build.login-wechat-100ms': buildLoginWechat100ms,
  'build.idle': buildIdle,
};
