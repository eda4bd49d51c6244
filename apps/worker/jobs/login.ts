import { createInFlight } from '../../../shared/async/in-flight.ts';
import { takeRandomBytes } from '../../../shared/keys/random.ts';
import { describeError } from '../../../shared/log/log.ts';
import type { createLoginFailureLog } from '../../../shared/log/login-failures.ts';
import { fail, type Outcome } from '../../../shared/protocol/outcome.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { codeKeyOf } from '../../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { CodeKey } from '../login/code-ledger.ts';
import { createLogIn, type LoginParts } from '../login/log-in.ts';
import type { LoginRun } from '../login/login-run.ts';
import { dropped, type CallContext, type CallHandler, type Dropped } from '../rpc/server.ts';

interface LoginDeps extends LoginParts {
  readonly seal: Seal;
  readonly logFailure: ReturnType<typeof createLoginFailureLog>;
}

/** qcloud.cam.id_skey in the worker (docs/protocol.md#log-in). */
export function createLoginHandler(deps: LoginDeps): CallHandler<'login'> {
  const { seal, logFailure, onSpent } = deps;
  const logIn = createLogIn(deps);
  /**
   * Identical requests in this process share one run. The ledger is not enough here: while Redis is away a job loses its lock and comes
   * back to a worker that still runs it; the second run would take the first one for dead and ask WeChat with a spent code.
   */
  const running = createInFlight<string, Promise<Outcome | Dropped>>();

  return async (request, context) => {
    const code = nameCode(seal, request, context);
    const known = running.get(code.requestFingerprint);
    if (known !== undefined) return known;
    const queueMs = queueMsOf(context);
    const run = runAndLog({ request, code, context, times: { queueMs, wechatMs: undefined, writeMs: undefined } });
    running.add(code.requestFingerprint, run);
    return run;
  };

  async function runAndLog(run: LoginRun): Promise<Outcome | Dropped> {
    const startedAt = performance.now();
    const outcome = await logInOrFail(run);
    countStages(run);
    if (outcome === dropped || outcome.ok) return outcome;
    const { requestId, web, span } = run.context;
    const ms = Math.round(performance.now() - startedAt);
    const who = { requestId, traceId: span?.traceId, appid: run.request.appid, web };
    logFailure(outcome, { ...who, ms, ...run.times, ...run.said });
    return outcome;
  }

  function countStages({ times: { queueMs, wechatMs, writeMs } }: LoginRun): void {
    if (queueMs !== undefined) onSpent('queued', queueMs / 1000);
    if (wechatMs !== undefined) onSpent('wechat', wechatMs / 1000);
    if (writeMs !== undefined) onSpent('mysql', writeMs / 1000);
  }

  async function logInOrFail(run: LoginRun): Promise<Outcome | Dropped> {
    try {
      return await logIn(run);
    } catch (error) {
      run.context.log.warn({ err: describeError(error) }, 'log-in not written');
      // The same request, sent again, goes on from the record.
      return fail('sessionNotWritten', 'store_unavailable');
    } finally {
      void running.take(run.code.requestFingerprint);
    }
  }
}

function nameCode(seal: Seal, request: LoginRequest, { shard }: CallContext): CodeKey {
  const { appid, code, userData, signed, caller, callerKey = caller } = request;
  const sent = [userData?.encryptData, userData?.iv, ...(signed === undefined ? [] : [signed])];
  const callers = callerKey === undefined ? [] : [callerKey];
  return {
    key: codeKeyOf(seal, shard, appid, code),
    requestFingerprint: seal.fingerprint(appid, code, JSON.stringify(sent), ...callers),
    owner: takeRandomBytes(12).toString('base64url'),
  };
}

function queueMsOf({ madeByUs, redisNowUs }: CallContext): number | undefined {
  return madeByUs === undefined ? undefined : Math.max(0, Math.round((redisNowUs() - madeByUs) / 1000));
}
