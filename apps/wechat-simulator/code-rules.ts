/** What the simulator does with a code; chosen by the word that the code begins with. */
export type CodeRule =
  | { kind: 'success'; delayMs: number; withExpiresIn: boolean; withUnionid: boolean; renewsKey: boolean }
  | { kind: 'busy'; times: number }
  | { kind: 'error'; errcode: number; errmsg: string }
  | { kind: 'raw'; status: number; body: string };

const fixedRules: [word: string, rule: CodeRule][] = [
  ['bad', { kind: 'error', errcode: 40029, errmsg: 'invalid code' }],
  ['limit', { kind: 'error', errcode: 45011, errmsg: 'api minute-quota reach limit, must slower, retry next minute' }],
  ['blocked', { kind: 'error', errcode: 40226, errmsg: 'code blocked' }],
  ['net', { kind: 'raw', status: 500, body: 'Internal Server Error' }],
  ['garbage', { kind: 'raw', status: 200, body: '<html>not JSON</html>' }],
  ['empty', { kind: 'raw', status: 200, body: '{}' }],
];

/** Never throws: every other code is a good one. */
export function ruleOf(code: string): CodeRule {
  const fixed = fixedRules.find(([word]) => code.startsWith(word));
  if (fixed) return fixed[1];
  const busy = /^busy(\d{1,6})/.exec(code);
  if (busy) return { kind: 'busy', times: Number(busy[1]) };
  const slow = /^slow(\d{1,6})/.exec(code);
  return {
    kind: 'success',
    delayMs: slow ? Number(slow[1]) : 0,
    withExpiresIn: code.startsWith('expires'),
    withUnionid: code.startsWith('unionid'),
    renewsKey: code.startsWith('newkey'),
  };
}
