import type { Config } from '../../config/config.ts';
import type { AppWithSecret } from '../../store/app-reader.ts';
import type { AccessTokens, TokenContext } from '../access-token.ts';
import type { WechatClient } from '../client.ts';
import type { Exchange } from '../code2session.ts';
import type { TokenSourceOf } from '../token-source.ts';
import type { WechatWatch } from '../watch.ts';

/**
 * How the users of some apps log in, and what else can be asked about them. A kind is one file beside this one and a line in `index.ts`;
 * an app is of it by the column `kind` of cAppinfo.
 */
export interface KindOfApp {
  readonly name: string;
  create(parts: KindParts): Kind;
}

export interface Kind {
  /**
   * Exchanges a code, which is spent by this. Every call goes through `watch`. What is certain not to have spent it is `shed`
   * or `unasked`: then the code stays good for another try.
   */
  exchange(login: LoginCode): Promise<Exchange>;
  /** The access token with which WeChat is asked about an app's users; undefined: there are no such calls. */
  readonly tokenOf?: TokenSourceOf;
  /** Those of them that there are. */
  readonly calls: ReadonlySet<UserCallName>;
}

export type UserCallName = 'getuserphonenumber' | 'checksession' | 'resetusersessionkey' | 'getuserencryptkey';

export const everyUserCall: ReadonlySet<UserCallName> = new Set([
  'getuserphonenumber',
  'checksession',
  'resetusersessionkey',
  'getuserencryptkey',
]);

export interface LoginCode {
  readonly app: AppWithSecret;
  readonly code: string;
  /** The name of the caller whose key it came with, if it had one. */
  readonly caller: string | undefined;
  readonly timeoutMs: number;
  readonly context: TokenContext;
}

/** What kinds are made of. */
export interface KindParts {
  readonly config: Pick<Config, 'wechat' | 'wecom'>;
  /** To WECHAT_API_BASE. */
  readonly wechat: WechatClient;
  /** To any other address; it is closed with the process. */
  readonly connect: (base: string) => WechatClient;
  readonly watch: WechatWatch;
  readonly tokens: AccessTokens;
  /** Names this installation to token services. */
  readonly installation: string;
}

/** The kind of an app of which nothing else is said. */
export const usualKind = 'wechat';

/** @returns undefined for a kind that this version does not know */
export type FindKind = (app: Pick<AppWithSecret, 'kind'>) => Kind | undefined;

/** Each kind is made when the first of its apps needs it. */
export function createKinds(known: readonly KindOfApp[], parts: KindParts): FindKind {
  const made = new Map<string, Kind | undefined>();
  return ({ kind: name = usualKind }) => {
    if (!made.has(name)) made.set(name, known.find((kind) => kind.name === name)?.create(parts));
    return made.get(name);
  };
}
