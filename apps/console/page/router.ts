import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from 'vue-router';
import { watchEffect } from 'vue';
import { whenSignedOut } from './api/client.ts';
import type { Role } from './api/types.ts';
import { words } from './messages/index.ts';
import { findMe, me } from './who.ts';

declare module 'vue-router' {
  interface RouteMeta {
    /** The page is for those who are not signed in. */
    readonly isOutside?: boolean;
    /** Its key in `words.pages`. */
    readonly title?: keyof typeof words.value.pages;
    /** The least role that may see it. */
    readonly role?: Role;
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/sign-in', component: () => import('./pages/sign-in.vue'), meta: { isOutside: true, title: 'signIn' } },
  {
    path: '/set-password',
    component: () => import('./pages/set-password.vue'),
    meta: { isOutside: true, title: 'setPassword' },
  },
  { path: '/', component: () => import('./pages/now.vue'), meta: { title: 'now' } },
  { path: '/sessions', component: () => import('./pages/sessions.vue'), meta: { title: 'sessions' } },
  { path: '/sessions/:row(\\d+)', component: () => import('./pages/session.vue'), meta: { title: 'sessions' } },
  { path: '/person', component: () => import('./pages/person.vue'), meta: { title: 'person', role: 'admin' } },
  { path: '/queues', component: () => import('./pages/queues.vue'), meta: { title: 'queues' } },
  { path: '/doctor', component: () => import('./pages/doctor.vue'), meta: { title: 'doctor', role: 'operator' } },
  { path: '/apps', component: () => import('./pages/apps.vue'), meta: { title: 'apps' } },
  { path: '/callers', component: () => import('./pages/callers.vue'), meta: { title: 'callers' } },
  { path: '/keys', component: () => import('./pages/keys.vue'), meta: { title: 'keys' } },
  { path: '/events', component: () => import('./pages/events.vue'), meta: { title: 'events' } },
  { path: '/operators', component: () => import('./pages/operators.vue'), meta: { title: 'operators', role: 'admin' } },
  { path: '/audit', component: () => import('./pages/audit.vue'), meta: { title: 'audit' } },
  { path: '/account', component: () => import('./pages/account.vue'), meta: { title: 'account' } },
  { path: '/:rest(.*)', component: () => import('./pages/not-found.vue'), meta: { title: 'notFound' } },
];

export function createPageRouter(): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes,
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  });

  router.beforeEach(async (to) => {
    if (to.meta.isOutside === true) return true;
    if (me.value === undefined && (await findMe().catch(() => undefined)) === undefined)
      return { path: '/sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } };
    return true;
  });

  watchEffect(() => {
    const { title } = router.currentRoute.value.meta;
    document.title = title === undefined ? 'wafer-session' : `${words.value.pages[title]} · wafer-session`;
  });

  whenSignedOut(() => {
    me.value = undefined;
    const { meta, fullPath } = router.currentRoute.value;
    if (meta.isOutside !== true) void router.replace({ path: '/sign-in', query: { to: fullPath, ended: '1' } });
  });
  return router;
}
