import type { ScenarioName } from '../scenarios/names.ts';

/** What a comparison has to come to (`must`) and what it aims at. */
export interface Target {
  readonly must: number;
  readonly aim: number;
  readonly better: 'higher' | 'lower';
}

export const targets: Readonly<Partial<Record<ScenarioName, Target>>> = {
  'auth.zipf': { must: 0.9, aim: 1.2, better: 'higher' },
  'auth.cold': { must: 0.75, aim: 0.95, better: 'higher' },
  'auth.off-lane': { must: 0.5, aim: 0.8, better: 'higher' },
  'forward-auth.zipf': { must: 1.2, aim: 1.5, better: 'higher' },
  'forward-auth.vs-auth': { must: 0.8, aim: 1, better: 'higher' },
  'auth.vs-nginx': { must: 0.65, aim: 0.8, better: 'higher' },
  'auth.vs-koa-plain': { must: 1.4, aim: 2, better: 'higher' },
  'auth.vs-express-session': { must: 6, aim: 10, better: 'higher' },
  'auth.vs-fastify-session': { must: 2.5, aim: 4, better: 'higher' },
  'login.vs-textbook-queue': { must: 1, aim: 2, better: 'higher' },
  'login.vs-inline': { must: 0.9, aim: 1.3, better: 'higher' },
  'login.wechat-100ms': { must: 0.5, aim: 0.2, better: 'lower' },
  'login.front-ends': { must: 1.1, aim: 1.02, better: 'lower' },
  mixed: { must: 2, aim: 1.2, better: 'lower' },
  'memory.per-session': { must: 900, aim: 500, better: 'lower' },
  'build.auth-zipf': { must: 0.97, aim: 1, better: 'higher' },
  'build.auth-cold': { must: 0.97, aim: 1, better: 'higher' },
  'build.auth-off-lane': { must: 0.5, aim: 0.97, better: 'higher' },
  'build.forward-auth': { must: 0.97, aim: 1, better: 'higher' },
  'build.login': { must: 0.97, aim: 1, better: 'higher' },
  'build.login-wechat-100ms': { must: 0.97, aim: 1, better: 'higher' },
  'build.idle': { must: 0.5, aim: 0.25, better: 'lower' },
  events: { must: 1.03, aim: 1.01, better: 'lower' },
  'traces.check': { must: 1.03, aim: 1.01, better: 'lower' },
  'traces.login': { must: 1.03, aim: 1.01, better: 'lower' },
  retention: { must: 1.1, aim: 1.05, better: 'lower' },
  revoke: { must: 100, aim: 50, better: 'lower' },
};

/** How a figure stands to its target. */
export function judge(value: number, { must, aim, better }: Target): 'aim reached' | 'enough' | 'missed' {
  const reaches = (goal: number) => (better === 'higher' ? value >= goal : value <= goal);
  if (reaches(aim)) return 'aim reached';
  return reaches(must) ? 'enough' : 'missed';
}
