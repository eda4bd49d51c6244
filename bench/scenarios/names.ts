/** Every comparison of the report, in its order. */
export const scenarioNames = [
  'auth.zipf',
  'auth.cold',
  'auth.off-lane',
  'forward-auth.zipf',
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
] as const;

/** Comparisons with another build of this project, for `--against`. */
export const buildScenarioNames = [
  'build.auth-zipf',
  'build.auth-cold',
  'build.auth-off-lane',
  'build.forward-auth',
  'build.login',
] as const;

export const allScenarioNames = [...scenarioNames, ...buildScenarioNames] as const;

export type ScenarioName = (typeof allScenarioNames)[number];
