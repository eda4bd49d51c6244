import { setInterval as every } from 'node:timers';

import { createClient, type Reply } from './ask.ts';
import { judge } from './judge.ts';
import { createTallier, type Kind, type Tallier } from './tally.ts';
import { createLoadUser, nextLogin, type User } from './users.ts';

/** Requests at a steady rate, whatever becomes of them. */
export interface Load {
  readonly tallier: Tallier;
  /** Everybody who ever logged in, or tried to. */
  readonly users: readonly User[];
  /** Resolves when the load has run for that long. */
  last(ms: number): Promise<void>;
  /** Sends no more; resolves when every request has ended. */
  stop(): Promise<void>;
}

export interface Rates {
  readonly loginsPerSecond: number;
  readonly checksPerSecond: number;
}

const tickMs = 10;
/** Users who log in again and again; everybody else does so once. */
const returningCount = 40;
const returningShare = 0.3;
const probeShare = 0.15;
/** Sessions whose checks are the load: the newest. */
const checkedCount = 400;

/** @param urls of the front ends */
export function startLoad(
  urls: readonly string[],
  { loginsPerSecond, checksPerSecond }: Rates,
  random: () => number,
): Load {
  const client = createClient(urls);
  const tallier = createTallier();
  const returning = Array.from({ length: returningCount }, createLoadUser);
  const users = [...returning];
  let checked: User[] = [];
  const underWay = new Set<Promise<void>>();

  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)];
  const ask = (kind: Kind, interfaceName: string, para: object, openId: string) => {
    const finish = tallier.sent(kind);
    return client.ask(interfaceName, para).then((reply: Reply) => {
      const { verdict, data } = judge(reply, kind, openId);
      finish(verdict);
      return { isOk: verdict.kind === 'ok', data };
    });
  };
  const login = async (): Promise<void> => {
    const idle = random() < returningShare ? pick(returning.filter(({ isLoggingIn }) => !isLoggingIn)) : undefined;
    const user = idle ?? createLoadUser();
    if (idle === undefined) users.push(user);
    user.isLoggingIn = true;
    user.session = undefined;
    const { data } = await ask('login', 'qcloud.cam.id_skey', nextLogin(user), user.openId);
    user.isLoggingIn = false;
    user.session = data;
    if (data !== undefined && idle === undefined) checked = [...checked.slice(1 - checkedCount), user];
  };
  const check = async (): Promise<void> => {
    const user = pick(checked);
    if (user?.session === undefined) return;
    const { session } = user;
    if (random() < probeShare) {
      const skey = `${session.skey}x`;
      await ask('probe', 'qcloud.cam.auth', { ...session, skey }, user.openId);
      return;
    }
    const sentAt = Math.floor(Date.now() / 1000);
    const { isOk } = await ask('check', 'qcloud.cam.auth', session, user.openId);
    if (isOk) user.visitedAt = Math.max(user.visitedAt ?? 0, sentAt);
  };

  const startedAt = performance.now();
  const pace = (perSecond: number, work: () => Promise<void>) => {
    let started = 0;
    return every(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
      for (; started < due; started++) {
        const running = work().finally(() => underWay.delete(running));
        underWay.add(running);
      }
    }, tickMs);
  };
  const timers = [pace(loginsPerSecond, login), pace(checksPerSecond, check)];
  return {
    tallier,
    users,
    last: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async stop() {
      timers.forEach((timer) => clearInterval(timer));
      await Promise.all(underWay);
      client.close();
    },
  };
}
