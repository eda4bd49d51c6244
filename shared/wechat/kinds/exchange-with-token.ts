import type { AccessTokens } from '../access-token.ts';
import { isTokenRefused } from '../answer.ts';
import type { Exchange } from '../code2session.ts';
import type { TokenSource } from '../token-source.ts';
import type { LoginCode } from './kind.ts';

/** Left for the exchange that the token is for. */
const minLeftMs = 100;

/** An exchange that wants an access token: once more with a new one if it is refused, for then nothing has been done. */
export async function exchangeWithToken(
  tokens: AccessTokens,
  source: TokenSource,
  { timeoutMs, context }: Pick<LoginCode, 'timeoutMs' | 'context'>,
  send: (accessToken: string, timeoutMs: number) => Promise<Exchange>,
): Promise<Exchange> {
  const endsAt = performance.now() + timeoutMs;
  for (let isRenewed = false; ; isRenewed = true) {
    const token = await tokens.get(source, context);
    if (token.kind !== 'ok') return { kind: 'unasked', failure: token };
    const leftMs = Math.min(endsAt - performance.now(), context.remainingMs());
    if (leftMs < minLeftMs)
      return { kind: 'unasked', failure: { kind: 'unreachable', reason: 'wechat_token_timeout' } };
    const answer = await send(token.value.accessToken, leftMs);
    if (isRenewed || !isTokenRefused(answer)) return answer;
    await tokens.forget(source, token.value);
  }
}
