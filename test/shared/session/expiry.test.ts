import test from 'ava';
import { isWithinLimits } from '../../../shared/session/expiry.ts';

const now = 1_800_000_000;
const revokedBeforeUs = now * 1_000_000;
const isLive = ({ createTime, fence }: { createTime: number; fence: number }) =>
  isWithinLimits(
    { createTime, fence, lastVisitTime: createTime },
    { loginDurationDays: 30, sessionDurationSeconds: 2_592_000, revokedBeforeUs },
    now + 200,
  );

test('a log-in of ours is before a revocation by its fence, however late it is written', (t) => {
  for (const late of [0, 1, 30, 90]) {
    t.false(isLive({ fence: revokedBeforeUs - 1, createTime: now + late }), `written ${late} s later`);
    t.false(isLive({ fence: revokedBeforeUs, createTime: now + late }));
    t.true(isLive({ fence: revokedBeforeUs + 1, createTime: now + late }));
  }
  t.true(isLive({ fence: revokedBeforeUs + 1, createTime: now - 90 }), 'by a clock that is behind');
});

test('of a log-in by the original create_time says it, also in a row of ours', (t) => {
  for (const fence of [0, revokedBeforeUs - 150_000_000]) {
    t.false(isLive({ fence, createTime: now }));
    t.true(isLive({ fence, createTime: now + 1 }));
  }
});
