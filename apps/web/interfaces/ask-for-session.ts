import type { Failure, Outcome } from '../../../shared/protocol/outcome.ts';
import type { CallName, Calls, SessionRequest } from '../../../shared/rpc/contract.ts';
import { hashSkey } from '../../../shared/session/skey.ts';
import { findSession } from './find-session.ts';
import type { InterfaceDeps, RequestContext } from './interface.ts';
import { fromCaller } from './from-caller.ts';

/** Calls about a session, without what is common to all of them. */
type SessionCallName = { [Name in CallName]: Calls[Name]['request'] extends SessionRequest ? Name : never }[CallName];

/**
 * An interface that a worker answers for a valid session: the session check, then the call.
 * @param details of the request, beside the session
 * @param admit what has to be asked once the session is known to be valid: what it answers is the answer
 * @param toFailure what failures of the stores are for this interface
 */
export async function askForSession<Name extends SessionCallName>(
  deps: InterfaceDeps,
  name: Name,
  { id, skey }: { readonly id: unknown; readonly skey: unknown },
  details: Omit<Calls[Name]['request'], keyof SessionRequest>,
  context: RequestContext,
  {
    timeoutMs,
    toFailure,
    admit,
  }: {
    readonly timeoutMs: number;
    readonly toFailure: (error: unknown) => Failure;
    readonly admit?: (context: RequestContext) => Promise<Failure | undefined>;
  },
): Promise<Outcome> {
  try {
    const found = await findSession(deps, { id, skey }, context);
    if (!found.ok) return found;
    const refusal = await admit?.(context);
    if (refusal !== undefined) return refusal;
    const { session, app } = found;
    const about: SessionRequest = {
      row: session.row,
      skeyHash: hashSkey(skey as string),
      appid: app.appid,
      ...fromCaller(context.caller),
    };
    return await deps.ask(
      name,
      { ...details, ...about },
      {
        shardKey: String(session.row),
        timeoutMs,
        requestId: context.requestId,
        span: context.span,
      },
    );
  } catch (error) {
    return toFailure(error);
  }
}
