import test from 'ava';
import { createSessionMemory } from '../../../../apps/web/sessions/session-memory.ts';
import type { Session } from '../../../../shared/session/session.ts';

const session: Session = {
  row: 1,
  appid: 'wx',
  openId: 'o',
  unionId: '',
  skeyHash: 'hash',
  createTime: 1,
  lastVisitTime: 1,
  fence: 1,
  userInfoJson: 'null',
};

function create() {
  const world = { now: 0, isTrusted: true };
  const options = { nowMs: () => world.now };
  const memory = createSessionMemory(100, () => world.isTrusted, options);
  const remember = (id: string) => memory.remember(id, session, memory.begin());
  const lose = () => {
    world.isTrusted = false;
    memory.distrust();
  };
  return { world, memory, remember, lose };
}

test('a session is remembered for ten minutes while changes are heard of', (t) => {
  const { world, memory, remember } = create();
  remember('a');
  world.now = 599_999;
  t.truthy(memory.recall('a'));
  world.now = 600_000;
  t.is(memory.recall('a'), undefined);
});

test('in doubt it is good for a minute from when changes were last heard of', (t) => {
  const { world, memory, remember, lose } = create();
  remember('a');
  world.now = 300_000;
  t.truthy(memory.recall('a'));
  lose();
  t.is(memory.recall('a'), undefined);
  world.now = 359_999;
  t.truthy(memory.recallInDoubt('a'));
  world.now = 360_000;
  t.is(memory.recallInDoubt('a'), undefined);
});

test('nothing stays in memory of what counts no more, for want of news or after it', (t) => {
  const { world, memory, remember, lose } = create();
  remember('a');
  lose();
  world.now = 59_999;
  memory.tidy();
  t.is(memory.size(), 1);
  world.now = 60_000;
  memory.tidy();
  t.is(memory.size(), 0);

  world.isTrusted = true;
  remember('b');
  t.is(memory.size(), 1, 'what is read from now on is kept');
  lose();
  world.isTrusted = true;
  memory.tidy();
  t.is(memory.size(), 0);
});

test('what may have changed in an earlier doubt is not accepted in a later one', (t) => {
  const { world, memory, remember, lose } = create();
  remember('a');
  lose();
  world.isTrusted = true;
  t.is(memory.recall('a'), undefined);
  remember('b');
  lose();
  t.is(memory.recallInDoubt('a'), undefined);
  t.truthy(memory.recallInDoubt('b'));
});

test('a session that changed while it was read is not remembered', (t) => {
  const { memory } = create();
  const mark = memory.begin();
  memory.forget('a');
  memory.remember('a', session, mark);
  t.is(memory.recall('a'), undefined);
  memory.remember('not plain', session, memory.begin());
  t.is(memory.recall('not plain'), undefined);
});
