import test from 'ava';
import * as fc from 'fast-check';
import { createUser } from '../../apps/wechat-simulator/users.ts';
import { nowSeconds, toWallClock } from '../../shared/session/wall-clock.ts';
import { newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { checkProperty } from '../support/properties.ts';
import { createModel, type ModelSettings, type Seconds, type Verdict } from './session-model.ts';
import { startWorld } from './session-world.ts';

const onClose = closeAfterAll(test);
const webs = 3;
const world = await startWorld({ onClose, webs });

/** Users whose lives go by at the same time, each in apps of its own, so that nobody else's app is revoked. */
const lanes = 10;
const livesPerLane = 8;
/** Beside them, for lives that are written out below. */
const [beyondLane, sameSecondLane] = [lanes, lanes + 1] as const;
const settings: readonly ModelSettings[] = [
  { loginDurationDays: 1, sessionDurationSeconds: 1000, maxSessions: 1, graceSeconds: 0 },
  { loginDurationDays: 1, sessionDurationSeconds: 1000, maxSessions: 1, graceSeconds: 100 },
  { loginDurationDays: 1, sessionDurationSeconds: 50_000, maxSessions: 2, graceSeconds: 0 },
  { loginDurationDays: 1, sessionDurationSeconds: 50_000, maxSessions: 3, graceSeconds: 100 },
];
const appidOf = (lane: number, index: number) => `wxlane${lane}x${index}`;
for (let lane = 0; lane <= sameSecondLane; lane++) {
  for (const [index, { loginDurationDays, sessionDurationSeconds, maxSessions, graceSeconds }] of settings.entries()) {
    await world.addApp(appidOf(lane, index), {
      login_duration: loginDurationDays,
      session_duration: sessionDurationSeconds,
      session_policy: maxSessions === 1 ? 'single' : 'multi',
      max_sessions: maxSessions,
      grace_seconds: graceSeconds,
    });
  }
}
await world.clearCache();
const web = fc.nat({ max: webs - 1 });
/** One of the credentials that were given out so far; the latest are the most interesting. */
const which = fc.oneof(fc.constant(0), fc.nat({ max: 5 }));
const record = <Fields>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }) =>
  fc.record(fields, { noNullPrototype: true });
const step = fc.oneof(
  { weight: 12, arbitrary: record({ do: fc.constant('log in'), web }) },
  { weight: 3, arbitrary: record({ do: fc.constant('log in with the same code'), web }) },
  { weight: 24, arbitrary: record({ do: fc.constantFrom('check', 'forward auth'), web, which }) },
  { weight: 3, arbitrary: record({ do: fc.constant('check another skey'), web, which, other: which }) },
  { weight: 6, arbitrary: record({ do: fc.constant('log out'), web, which }) },
  { weight: 3, arbitrary: record({ do: fc.constantFrom('revoke id', 'revoke user', 'revoke app'), which }) },
  {
    weight: 12,
    arbitrary: record({
      do: fc.constantFrom('idle to the limit', 'log-in age to the limit'),
      which,
      beyond: fc.constantFrom(-100, 0, 1, 11),
    }),
  },
  { weight: 3, arbitrary: record({ do: fc.constantFrom('flush cache', 'clear cache', 'next second') }) },
  { weight: 1, arbitrary: record({ do: fc.constant('replace front end'), web }) },
);
type Step = { do: string; web?: number; which?: number; other?: number; beyond?: number };

/** How many skeys a row remembers. */
const rememberedSkeys = 8;

/** After a shorter wait nothing tells a session that was set back from one that was just used. */
const shortestIdleSeconds = 60;

/** Lives a life step by step, and throws where server and model part. */
async function live(appid: string, limits: ModelSettings, steps: readonly Step[]): Promise<void> {
  const model = createModel(limits);
  const user = newUser();
  const { openid } = createUser(appid, user);
  const given: { id: string; skey: string }[] = [];
  /**
   * The lowest last_visit_time that each session had when it was used. It is always set back to before that: otherwise the visit,
   * which after a real wait would be in MySQL and set back too, would still count.
   */
  const visitBases = new Map<string, number>();
  let lastLogIn: { code: string; skey: string } | undefined;
  let logIns = 0;

  const timed = async <Value>(act: () => Promise<Value>): Promise<[Value, Seconds]> => {
    const first = nowSeconds();
    const value = await act();
    return [value, [first, nowSeconds()]];
  };
  const expectEqual = (what: string, actual: unknown, expected: unknown) => {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
      throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
  };
  const agree = (what: string, isAccepted: boolean, verdict: Verdict) => {
    if (verdict !== 'either') expectEqual(what, isAccepted ? 'valid' : 'invalid', verdict);
  };

  const logIn = async (at: number) => {
    const code = `${user}~${logIns++}`;
    const [answer, now] = await timed(() => world.call(at, 'qcloud.cam.id_skey', { code, appid }));
    expectEqual(`log-in, ${answer.reason}`, answer.returnCode, 0);
    const { id, skey } = answer.returnData as { id: string; skey: string };
    lastLogIn = { code, skey };
    const kept = model.keptIds();
    expectEqual(
      'new or known',
      answer.returnMessage,
      kept.length > 0 ? 'UPDATE_SESSION_SUCCESS' : 'NEW_SESSION_SUCCESS',
    );
    const isPlaceRight = kept.length > 0 ? kept.includes(id) : !given.some((before) => before.id === id);
    expectEqual(`place of ${id} among ${kept.join()}`, isPlaceRight, true);
    model.logIn(id, skey, now);
    given.unshift({ id, skey });
  };

  /** Who had this very session, and not too many log-ins ago, is told why it ended; nobody else is told anything. */
  const expectReason = (id: string, skey: string, reason: string | undefined) => {
    const index = given.findIndex((session) => session.id === id && session.skey === skey);
    const since = given.slice(0, Math.max(index, 0)).filter((session) => session.id === id).length;
    if (index < 0) expectEqual('reason of a guess', reason, undefined);
    else if (since < rememberedSkeys) expectEqual(`told of ${skey}`, reason !== undefined, true);
  };

  const check = async (at: number, { id, skey }: { id: string; skey: string }, isForward: boolean) => {
    const unusedSince = model.sessions().find((session) => session.id === id)?.lastVisitTime[1] ?? Infinity;
    const [isAccepted, now] = await timed(async () => {
      if (isForward) {
        const status = await world.forwardAuth(at, { id, skey }, appid);
        if (status !== 200) expectEqual('status', status, 401);
        return status === 200;
      }
      const { returnCode, reason } = await world.call(at, 'qcloud.cam.auth', { id, skey, appid });
      if (returnCode !== 0) expectEqual('code', returnCode, 60_012);
      if (returnCode !== 0) expectReason(id, skey, reason);
      return returnCode === 0;
    });
    agree(`check of ${skey}`, isAccepted, model.check(id, skey, now));
    if (!isAccepted) return;
    model.visit(id, now);
    if (now[0] - unusedSince <= shortestIdleSeconds) return;
    visitBases.set(id, Math.min(unusedSince, visitBases.get(id) ?? Infinity));
    await world.untilVisitIsKnown(id, now[0]);
  };

  const pick = (number = 0) => given[number % Math.max(given.length, 1)];
  const idle = async (at: { id: string } | undefined, limitSeconds: number, since: 'createTime' | 'lastVisitTime') => {
    const session = model.sessions().find(({ id }) => id === at?.id);
    if (session === undefined) return;
    const wanted = limitSeconds - (nowSeconds() - session[since][1]);
    if (wanted < shortestIdleSeconds) return;
    const voiding = model
      .sessions()
      .map(({ id, lastVisitTime }) => lastVisitTime[1] - (visitBases.get(id) ?? Infinity) + 1);
    const seconds = Math.max(wanted, ...voiding);
    model.passTime(seconds);
    for (const { id, lastVisitTime } of model.sessions())
      await world.setBack(id, seconds, toWallClock(lastVisitTime[1]));
    await world.clearCache();
  };

  for (const { do: what, web: at = 0, which, other, beyond = 0 } of steps) {
    const chosen = pick(which);
    if (what === 'log in') await logIn(at);
    else if (what === 'flush cache') await world.flushCache();
    else if (what === 'clear cache') await world.clearCache();
    else if (what === 'replace front end') await world.replaceFrontEnd(at);
    else if (what === 'next second') await new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000)));
    else if (what === 'idle to the limit') await idle(chosen, limits.sessionDurationSeconds + beyond, 'lastVisitTime');
    else if (what === 'log-in age to the limit')
      await idle(chosen, limits.loginDurationDays * 86_400 + beyond, 'createTime');
    else if (what === 'log in with the same code') {
      if (lastLogIn === undefined) continue;
      const { returnCode, returnData } = await world.call(at, 'qcloud.cam.id_skey', { code: lastLogIn.code, appid });
      expectEqual('the same code again', [returnCode, (returnData as { skey: string }).skey], [0, lastLogIn.skey]);
    } else if (chosen === undefined) continue;
    else if (what === 'check' || what === 'forward auth') await check(at, chosen, what === 'forward auth');
    else if (what === 'check another skey') await check(at, { id: chosen.id, skey: pick(other)?.skey ?? '' }, false);
    else if (what === 'log out') {
      const [{ returnCode, reason }, now] = await timed(() =>
        world.call(at, 'qcloud.cam.logout', { ...chosen, appid }),
      );
      if (returnCode !== 0) expectEqual(`log-out, ${reason}`, returnCode, 60_012);
      agree('log-out', returnCode === 0, model.check(chosen.id, chosen.skey, now));
      if (returnCode === 0) model.end(({ id }) => id === chosen.id);
    } else if (what === 'revoke id') {
      await world.revoke({ id: chosen.id });
      model.end(({ id }) => id === chosen.id);
    } else if (what === 'revoke user') {
      await world.revoke({ openId: openid, appid });
      model.end(() => true);
    } else {
      await world.revokeApp(appid);
      model.end(() => true);
    }
  }
}

test('the lives of many users are what a model of fifty lines says', async (t) => {
  // The first life that goes wrong is made small; the others end.
  let wrongLane: number | undefined;
  const inLane = (lane: number) =>
    checkProperty(
      fc.asyncProperty(
        fc.nat({ max: settings.length - 1 }),
        fc.array(step, { maxLength: 28, size: 'max' }),
        async (index, steps) => {
          if (wrongLane !== undefined && wrongLane !== lane) return;
          await live(appidOf(lane, index), settings[index] as ModelSettings, steps).catch((error: unknown) => {
            wrongLane ??= lane;
            throw error;
          });
        },
      ),
      livesPerLane,
    );
  const outcomes = await Promise.allSettled(Array.from({ length: lanes }, (_, lane) => inLane(lane)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  t.pass();
});

test('a session that was used and then idled a second beyond its limit has ended', async (t) => {
  await live(appidOf(beyondLane, 0), settings[0] as ModelSettings, [
    { do: 'log in' },
    { do: 'idle to the limit', beyond: 0 },
    { do: 'check' },
    { do: 'next second' },
    { do: 'next second' },
    { do: 'idle to the limit', beyond: 1 },
    { do: 'check' },
    { do: 'check', web: 1 },
  ]);
  t.pass();
});

test('a session that was set back and used again in one second is as young as that use', async (t) => {
  await live(appidOf(sameSecondLane, 0), settings[0] as ModelSettings, [
    { do: 'log in' },
    { do: 'next second' },
    { do: 'idle to the limit', beyond: -100 },
    { do: 'check' },
    { do: 'idle to the limit', beyond: 0 },
    { do: 'check' },
    { do: 'next second' },
    { do: 'check', web: 1 },
  ]);
  t.pass();
});
