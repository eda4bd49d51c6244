import { createSimulator, type Simulator } from '../../apps/wechat-simulator/simulator.ts';
import type { WechatCall } from './call.ts';
import { componentCalls } from './component-calls.ts';
import { compareShapes, shapeOf, type Difference, type Shape } from './shape.ts';
import { fieldsOf, NoAnswerError, send, type Target } from './target.ts';
import { wechatCalls } from './wechat-calls.ts';
import { wecomCalls } from './wecom-calls.ts';

/** What became of one call. */
export type Finding =
  | { readonly kind: 'same'; readonly title: string }
  | { readonly kind: 'different'; readonly title: string; readonly differences: readonly Difference[] }
  | { readonly kind: 'not tried'; readonly title: string; readonly why: string }
  | { readonly kind: 'unanswered'; readonly title: string; readonly why: string };

/** The calls of each kind of app. */
const callsOfKind = { wechat: wechatCalls, component: componentCalls, wecom: wecomCalls };

export type KindName = keyof typeof callsOfKind;
export const kindNames = Object.keys(callsOfKind) as KindName[];

/** What is needed to call WeChat. */
export interface Credentials extends Omit<Target, 'known' | 'accessTokenFrom'> {
  readonly kind: KindName;
  /** The authorizer_access_token of a mini program of kind component. */
  readonly authorizerToken: string | undefined;
}

const accessTokenFrom = {
  wechat: 'an access token from the calls before',
  component: 'WECHAT_TEST_AUTHORIZER_TOKEN',
  wecom: 'an access token from the calls before',
};

/** Makes every call at WeChat and in a simulator of our own, and hands over each finding as soon as it is there. */
export async function compareWithSimulator(
  { kind, authorizerToken, ...credentials }: Credentials,
  onFinding: (finding: Finding) => void,
): Promise<void> {
  const secret = 'a-secret-of-the-simulator-alone';
  const known = new Map([[credentials.appid, secret]]);
  const simulator = await createSimulator(kind === 'wecom' ? { corps: known } : { apps: known });
  try {
    const wechat: Target = {
      ...credentials,
      accessTokenFrom: accessTokenFrom[kind],
      known: authorizerToken === undefined ? {} : { accessToken: authorizerToken },
    };
    // Mutable: which user the simulator is asked about depends on what WeChat says of the real one.
    const simulated = { ...wechat, apiBase: simulator.url, secret, code: '', phoneCode: '', known: {} };
    if (kind === 'component') {
      simulated.secret = await issueToken(simulator, 'component', credentials.componentAppid ?? '');
      simulated.known = { accessToken: await issueToken(simulator, 'authorizer', credentials.appid) };
    }
    const user = `user${Date.now()}`;
    for (const call of callsOfKind[kind]) {
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

/** What the token service of a platform hands out in the simulator. */
async function issueToken({ url }: Simulator, what: 'component' | 'authorizer', appid: string): Promise<string> {
  return String(fieldsOf(await send({ apiBase: url }, `/_sim/${what}-token`, { appid }))['access_token']);
}

async function shapeOfCall(call: WechatCall, target: Target): Promise<Shape> {
  const { status, body } = await call.make(target);
  return shapeOf(status, body);
}

function judge({ title }: WechatCall, atWechat: Shape, inSimulator: Shape): Finding {
  const differences = compareShapes(atWechat, inSimulator);
  return differences.length === 0 ? { kind: 'same', title } : { kind: 'different', title, differences };
}
