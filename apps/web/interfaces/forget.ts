import { RateLimiterMemory } from 'rate-limiter-flexible';
import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import { workerTimeoutMs, type Interface, type InterfaceDeps, type RequestContext } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { forget } from './schemas/session.ts';
import { writeFailure } from './store-failure.ts';

const readPara = createParameterReader(forget.para);

/** Of one caller, in each front end: erasures take turns in MySQL. */
const orders = { points: 100, duration: 10 };

/** qcloud.cam.forget: erase the user of a session. Not in the original. */
export function createForget(deps: InterfaceDeps): Interface {
  const limiter = new RateLimiterMemory(orders);
  const options = {
    timeoutMs: workerTimeoutMs,
    toFailure: writeFailure,
    /** Of valid sessions alone: who makes some up has nothing erased, and keeps nobody else's order away. */
    admit: ({ caller }: RequestContext) =>
      limiter.consume(caller?.name ?? '').then(
        () => undefined,
        () => fail('sessionNotWritten', 'limited'),
      ),
  };
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    return askForSession(deps, 'forget', parameters, {}, context, options);
  };
}
