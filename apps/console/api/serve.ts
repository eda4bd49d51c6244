import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { Administration } from '../administration.ts';
import { requestIdOf } from '../../../shared/http/request-id.ts';
import type { Log } from '../../../shared/log/log.ts';
import type { Who } from '../accounts/who.ts';
import type { ConsoleMetrics } from '../metrics.ts';
import { createOwnPlaces, type OwnPlaces } from '../own-places.ts';
import type { ConsoleParts } from '../parts.ts';
import { stateOf } from '../state.ts';
import { authorize, confirmWho, isSafe, type Doorkeeper } from './authorize.ts';
import { confirmPerson, takeConfirmation } from './confirm-person.ts';
import type { Idempotency } from './idempotency.ts';
import { whenLeft } from './leaving.ts';
import { apiPrefix } from './prefix.ts';
import { createRequestReader } from './read-request.ts';
import type { ApiRoute, Call, ServerEvent } from './route.ts';
import { watchSignIn } from './sign-in-watch.ts';
import { openStream } from './stream.ts';

export interface ServeDeps {
  readonly doorkeeper: Doorkeeper;
  readonly parts: ConsoleParts;
  readonly idempotency: Idempotency;
  /** @param who undefined: nobody yet */
  readonly administrationOf: (who: Who | undefined, address: string) => Administration;
  readonly stopping: AbortSignal;
  readonly metrics: Pick<ConsoleMetrics, 'openedStream'>;
  readonly log: Log;
}

/** Of one operator, so that the connections of the console are there for others too: more than anybody has tabs and programs. */
const maxOwnStreams = 32;

/** Each route as its steps: may it, what does it ask, is it the person who asks, was it done already, do it, answer what its schema names. */
export function addApi(routes: readonly ApiRoute[], deps: ServeDeps): (router: Router) => void {
  const streamPlaces = createOwnPlaces(maxOwnStreams, `You have ${maxOwnStreams} streams open already.`);
  return (router) => {
    for (const route of routes) {
      const step = createStep(route, { ...deps, streamPlaces });
      router.register(`${apiPrefix}${route.path}`, [route.method], step);
    }
  };
}

function createStep(
  route: ApiRoute,
  deps: ServeDeps & { readonly streamPlaces: OwnPlaces },
): (context: Context) => Promise<void> {
  const { doorkeeper, parts, idempotency, administrationOf, stopping, metrics, streamPlaces, log } = deps;
  const read = createRequestReader(route);
  const { answer, handle, stream, status = 200, confirm = () => false } = route;
  const wantsPerson = (body: unknown) => confirm === true || confirm(body as never);
  return async (context) => {
    const state = stateOf(context);
    state.operationId = route.operationId;
    context.set('Cache-Control', 'no-store');
    const who = authorize(context, route.role, doorkeeper);
    const given = await read(context);
    if (!isSafe(context) && route.role !== 'anyone') await confirmWho(context);
    const { confirmation, asked, ...request } = takeConfirmation(route, given);
    if (wantsPerson(request.body)) {
      await confirmPerson(context, who, confirmation, parts.accounts);
      await confirmWho(context);
    }
    const left = whenLeft(context);
    const signals = [left, stopping];
    const createCall = (signal: AbortSignal) =>
      ({
        ...request,
        who,
        administration: administrationOf(who, state.address ?? 'unknown'),
        parts,
        requestId: requestIdOf(context),
        signal,
        context,
      }) as unknown as Call<never, never, never, never>;

    if (stream !== undefined) {
      context.status = 200;
      context.type = stream;
      // Of who asks with HEAD nobody waits for items.
      if (context.method === 'HEAD') return;
      if (who !== undefined && !left.aborted) left.addEventListener('abort', streamPlaces.take(who.id), { once: true });
      const signal = AbortSignal.any([...signals, watchSignIn(state.confirm, left)]);
      const items = handle(createCall(signal)) as AsyncIterable<ServerEvent>;
      metrics.openedStream(route.operationId, left);
      await openStream(context, { type: stream, items, answer, signal, log });
      return;
    }
    const work = async () => {
      const result = await handle(createCall(AbortSignal.any(signals)));
      return { status, body: status === 204 ? '' : JSON.stringify(answer.parse(result)) };
    };
    const done = isSafe(context) ? await work() : await idempotency.run(context, who, asked, work);
    // What redirects has answered already.
    if (context.headerSent || context.status === 302 || context.status === 303) return;
    context.status = done.status;
    if (done.status === 204) return;
    context.body = done.body;
    context.set('Content-Type', 'application/json; charset=utf-8');
  };
}
