import test from 'ava';
import { createBreakers } from '../../../../apps/worker/wechat/breakers.ts';
import { createLog } from '../../../../shared/log/log.ts';

const timeoutMs = 10;
const timeOut = { kind: 'unreachable', reason: 'wechat_timeout' };
const create = () => createBreakers(timeoutMs, createLog('worker', 'fatal'), () => {});
const enterMany = ({ enter }: ReturnType<typeof create>) =>
  Array.from({ length: 12 }, () => enter('wx', 'code2session')).map((settle) => settle ?? (() => {}));
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test('calls that are not answered in time open the breaker', (t) => {
  const breakers = create();
  const calls = enterMany(breakers);
  standStill(timeoutMs);
  for (const settle of calls) settle(timeOut);
  t.is(breakers.enter('wx', 'code2session'), undefined);
});

test('calls that timed out while the process stood still do not', (t) => {
  const breakers = create();
  const calls = enterMany(breakers);
  standStill(timeoutMs + 1050);
  for (const settle of calls) settle(timeOut);
  t.not(breakers.enter('wx', 'code2session'), undefined);
});
