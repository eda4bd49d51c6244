import test from 'ava';
import { createBreaker, type BreakerState, type CallResult } from '../../../../apps/worker/wechat/breaker.ts';

function start() {
  const clock = { now: 0 };
  const states: BreakerState[] = [];
  const breaker = createBreaker({ nowMs: () => clock.now, onChange: (state) => states.push(state) });
  const call = (result: CallResult) => {
    const settle = breaker.enter();
    settle?.(result);
    return settle !== undefined;
  };
  const open = () => {
    for (let count = 0; count < 10; count++) call('bad');
  };
  return { breaker, clock, states, call, open };
}

test('ten bad calls of the last twenty open it', (t) => {
  const { breaker, call } = start();
  for (let count = 0; count < 9; count++) {
    call('bad');
    call('good');
  }
  t.is(breaker.state(), 'closed');
  call('bad');
  t.is(breaker.state(), 'open');
  t.false(call('good'));
});

test('a third of bad calls leaves it closed for ever', (t) => {
  const { breaker, call } = start();
  for (let count = 0; count < 1000; count++) t.true(call(count % 3 === 0 ? 'bad' : 'good'));
  t.is(breaker.state(), 'closed');
});

test('after a second three calls try at once, not more', (t) => {
  const { breaker, clock, open } = start();
  open();
  clock.now = 999;
  t.is(breaker.enter(), undefined);
  clock.now = 1000;
  t.deepEqual(
    Array.from({ length: 5 }, () => breaker.enter() !== undefined),
    [true, true, true, false, false],
  );
});

test('two good probes close it, two bad ones open it for another second', (t) => {
  const { breaker, clock, call, open, states } = start();
  open();
  clock.now = 1000;
  call('good');
  call('bad');
  call('bad');
  t.is(breaker.state(), 'open');
  clock.now = 1999;
  t.false(call('good'));
  clock.now = 2000;
  call('bad');
  call('good');
  call('good');
  t.deepEqual(states, ['open', 'probing', 'open', 'probing', 'closed']);
});

test('what began before it opened decides nothing afterwards', (t) => {
  const { breaker, clock, call, open } = start();
  const late = Array.from({ length: 5 }, () => breaker.enter());
  open();
  clock.now = 1000;
  t.true(call('good'));
  late.forEach((settle) => settle?.('bad'));
  t.is(breaker.state(), 'probing');
  call('good');
  t.is(breaker.state(), 'closed');
});

test('a probe that says nothing makes room for another', (t) => {
  const { breaker, clock, call, open } = start();
  open();
  clock.now = 1000;
  for (let count = 0; count < 10; count++) t.true(call('unknown'));
  t.is(breaker.state(), 'probing');
});

test('bad calls about one user or code count once, and its last call counts', (t) => {
  const { breaker } = start();
  const call = (about: string, result: CallResult) => breaker.enter(about)?.(result);
  for (let count = 0; count < 100; count++) call('mallory', 'bad');
  for (let user = 0; user < 8; user++) call(`user${user}`, 'bad');
  t.is(breaker.state(), 'closed');
  call('mallory', 'good');
  call('user8', 'bad');
  t.is(breaker.state(), 'closed');
  call('user9', 'bad');
  t.is(breaker.state(), 'open');
});

test('no number of bad calls opens it while two others were answered lately', (t) => {
  const { breaker, clock } = start();
  let codes = 0;
  const call = (result: CallResult, about = `code${codes++}`) => breaker.enter(about)?.(result);
  const attack = () => {
    for (let count = 0; count < 30; count++) call('bad');
  };
  for (; clock.now < 60_000; clock.now += 900) {
    call('good');
    if (clock.now > 0) attack();
    t.is(breaker.state(), 'closed');
  }
  // One who is answered again and again is one.
  for (; clock.now < 62_000; clock.now += 100) call('good', 'mallory');
  attack();
  t.is(breaker.state(), 'open');
});
