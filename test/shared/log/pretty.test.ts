import test from 'ava';
import { prettify } from '../../../shared/log/pretty.ts';

const line = (fields: object) =>
  `${JSON.stringify({ level: 30, time: '2026-11-29T08:09:10.123Z', role: 'web', pid: 7, msg: 'log-in', ...fields })}\n`;

test('a line for people has time, level, role, message and the facts', (t) => {
  t.is(
    prettify(line({ row: 5, isNew: true, reason: 'two words', err: { name: 'Error' } }), false),
    '08:09:10.123 INFO  web log-in row=5 isNew=true reason="two words" err={"name":"Error"}',
  );
});

test('worse lines are coloured where the terminal has colours', (t) => {
  t.is(prettify(line({ level: 40 }), true), '08:09:10.123 \u001b[33mWARN \u001b[0m web log-in');
  t.is(prettify(line({}), true), '08:09:10.123 INFO  web log-in');
});

test('nothing of a stranger reaches the terminal as a command to it', (t) => {
  const hostile = '\u001b[2J\u202e\nx';
  t.is(
    prettify(line({ said: hostile, [hostile]: 1 }), false),
    '08:09:10.123 INFO  web log-in said="\\u001b[2J\\u202e\\nx" \\u001b[2J\\u202e\\u000ax=1',
  );
  t.is(prettify(`${hostile}\n`, false), '\\u001b[2J\\u202e\\u000ax');
});
