import { runCli } from '../apps/cli/run-cli.ts';
import { call, login, newUser, type Answer } from './client.ts';
import { testAppid, type TestStack } from './stack.ts';

export interface TestSession {
  readonly id: string;
  readonly skey: string;
}

export interface EndedSession extends TestSession {
  /** What X-Wafer-Reason has to say of it. */
  readonly reason: string;
}

/** `session_duration` of the app, for `app` of the stack: shorter than `login_duration`, or no session would be idle before it expires. */
export const appThatEndsSessions = 'session_duration = 86400';

/** Does something for each of many, some of them at once. */
export async function forEach<Item, Result>(
  items: readonly Item[],
  act: (item: Item, index: number) => Promise<Result>,
  atOnce = 50,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await act(items[index] as Item, index);
    }
  });
  await Promise.all(workers);
  return results;
}

/** Once more where a busy machine was too slow. */
async function repeat(act: (tries: number) => Promise<Answer>): Promise<TestSession> {
  for (let tries = 1; ; tries++) {
    const { returnCode, returnData, text } = await act(tries);
    if (returnCode === 0) return returnData as TestSession;
    if (tries >= 5) throw new Error(text);
  }
}

/** Sessions that ended in each of five ways, so many of each. What was there before is revoked with them. */
export async function endInFiveWays(stack: TestStack, ofEach: number): Promise<EndedSession[]> {
  const [url] = stack.urls;
  const places = Array.from({ length: ofEach }, (_, index) => index);
  const logInMany = () =>
    forEach(places, async () => {
      const user = newUser();
      return { user, ...(await repeat((tries) => login(url, `${user}~${tries}`))) };
    });
  const setBack = (sessions: readonly TestSession[], columns: string) =>
    stack.database.query(`update cSessionInfo set ${columns} where uuid in (?)`, [sessions.map(({ id }) => id)]);

  const revoked = await logInMany();
  const alone = revoked.slice(0, Math.ceil(ofEach / 2));
  await forEach(alone, ({ id }) => runCli(stack.env, ['session', 'revoke', '--id', id]), 4);
  await runCli(stack.env, ['session', 'revoke', '--appid', testAppid]);

  const replaced = await logInMany();
  await forEach(replaced, ({ user }) => repeat((tries) => login(url, `${user}~later${tries}`)));
  const loggedOut = await logInMany();
  await forEach(loggedOut, ({ id, skey }) => repeat(() => call(url, 'qcloud.cam.logout', { id, skey })));
  const expired = await logInMany();
  await setBack(expired, 'create_time = create_time - interval 31 day');
  const idle = await logInMany();
  await setBack(idle, 'create_time = create_time - interval 3 day, last_visit_time = last_visit_time - interval 2 day');
  await runCli(stack.env, ['cache', 'clear']);
  const ways = { revoked, replaced, logged_out: loggedOut, expired, idle };
  return Object.entries(ways).flatMap(([reason, sessions]) => sessions.map(({ id, skey }) => ({ id, skey, reason })));
}
