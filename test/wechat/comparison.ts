import { createSimulator } from '../../apps/wechat-simulator/simulator.ts';
import { wechatCalls, type WechatCall } from './calls.ts';
import { compareShapes, shapeOf, type Difference, type Shape } from './shape.ts';
import { NoAnswerError, type Target } from './target.ts';

/** What became of one call. */
export type Finding =
  | { readonly kind: 'same'; readonly title: string }
  | { readonly kind: 'different'; readonly title: string; readonly differences: readonly Difference[] }
  | { readonly kind: 'not tried'; readonly title: string; readonly why: string }
  | { readonly kind: 'unanswered'; readonly title: string; readonly why: string };

/** What is needed to call WeChat. */
export type Credentials = Omit<Target, 'known'>;

/** Makes every call at WeChat and in a simulator of our own, and hands over each finding as soon as it is there. */
export async function compareWithSimulator(
  credentials: Credentials,
  onFinding: (finding: Finding) => void,
): Promise<void> {
  const secret = 'a-secret-of-the-simulator-alone';
  const simulator = await createSimulator({ apps: new Map([[credentials.appid, secret]]) });
  try {
    const wechat: Target = { ...credentials, known: {} };
    // Mutable: which user the simulator is asked about depends on what WeChat says of the real one.
    const simulated = { apiBase: simulator.url, appid: credentials.appid, secret, code: '', phoneCode: '', known: {} };
    const user = `user${Date.now()}`;
    for (const call of wechatCalls) {
      const missing = call.needs?.(wechat);
      if (missing !== undefined) {
        onFinding({ kind: 'not tried', title: call.title, why: `needs ${missing}` });
        continue;
      }
      try {
        const atWechat = await shapeOfCall(call, wechat);
        // Only an app that is bound to an Open Platform account gets a unionid, and only a wx.login of the simulator that asks for one.
        if (simulated.code === '' || atWechat.has('unionid')) {
          simulated.code = `${atWechat.has('unionid') ? 'unionid' : ''}${user}`;
          simulated.phoneCode = `${simulated.code}~phone`;
        }
        onFinding(judge(call, atWechat, await shapeOfCall(call, simulated)));
      } catch (error) {
        if (!(error instanceof NoAnswerError)) throw error;
        onFinding({ kind: 'unanswered', title: call.title, why: error.message });
      }
    }
  } finally {
    await simulator.close();
  }
}

async function shapeOfCall(call: WechatCall, target: Target): Promise<Shape> {
  const { status, body } = await call.make(target);
  return shapeOf(status, body);
}

function judge({ title }: WechatCall, atWechat: Shape, inSimulator: Shape): Finding {
  const differences = compareShapes(atWechat, inSimulator);
  return differences.length === 0 ? { kind: 'same', title } : { kind: 'different', title, differences };
}
