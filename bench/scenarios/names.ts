/** Every comparison of the report, in its order. */
export const scenarioNames = [
  'auth.zipf',
  'auth.cold',
  'auth.off-lane',
  'forward-auth.zipf',
  'forward-auth.vs-auth',
  'auth.vs-nginx',
  'auth.vs-koa-plain',
  'auth.vs-express-session',
  'auth.vs-fastify-session',
  'auth.vs-koa-session',
  'login.vs-textbook-queue',
  'login.vs-inline',
  'login.wechat-100ms',
  'login.front-ends',
  'mixed',
  'memory.per-session',
  'scale',
  'start',
  'revoke',
  'retention',
  'live-view',
  'events',
  'traces.check',
  'traces.login',
] as const;

/** Comparisons with another build of this project, for `--against`. */
export const buildScenarioNames = [
  'build.auth-zipf',
  'build.auth-cold',
  'build.auth-off-lane',
  'build.forward-auth',
  'build.login',
  'build.login-wechat-100ms',
  'build.idle',
] as const;

/** Those that take an hour's half and ten gigabytes, and so run by name alone. */
export const largeScenarioNames = ['search'] as const;

export const allScenarioNames = [...scenarioNames, ...largeScenarioNames, ...buildScenarioNames] as const;

export type ScenarioName = (typeof allScenarioNames)[number];
