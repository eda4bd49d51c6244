import type { IncomingMessage } from 'node:http';
import type { Context, Middleware, Next } from 'koa';
import { hashCallerKey } from '../../../shared/callers/caller-key.ts';
import type { KnownCallers } from './known-callers.ts';
import type { Caller } from '../../../shared/store/caller-store.ts';
import { isPermitted } from '../../../shared/callers/permissions.ts';
import { tokenPath } from '../../../shared/protocol/token-service.ts';
import { isForwardAuth } from '../routes/forward-auth.ts';
import { isMinaAuth } from '../routes/mina-auth.ts';
import { wechatEventPath, wechatEventPermission } from '../routes/wechat-event.ts';
import type { AccessMetrics } from './access-metrics.ts';
import { setCaller } from './caller.ts';
import type { Client } from '../../../shared/http/client-address.ts';
import type { ClientCheck } from '../../../shared/http/client-check.ts';
import { keyPrefix, splitKeyPrefix } from './key-prefix.ts';
import { withoutLeadingSlashes } from './leading-slashes.ts';
import { refuse, statusOfRefusal, type RefusalReason } from './refusal.ts';

/**
 * Who may call, decided without the body; which interface of the protocol, routes/mina-auth.ts decides with it. A key is
 * taken off the URL here, so that nothing behind this ever sees one.
 */
export interface Gate {
  /** Lets a request through, or answers it. */
  readonly pass: Middleware;
  /**
   * The same for a request that Koa does not read, as in the fast lane. One that is not let in here is for Koa, and `pass` refuses it.
   * @param url that begins with one slash
   * @returns undefined if it is not let in, or if it can't be told at once whether it is
   */
  admitAtOnce(url: string, client: Client): Admitted | undefined;
}

type Verdict = Admitted | Refused;

interface Admitted {
  /** Without a key. */
  readonly url: string;
  /** Whose key it was. */
  readonly caller?: Caller;
}

interface Refused {
  readonly reason: RefusalReason;
  /** Of the URL without a key. */
  readonly path: string;
}

/**
 * What is not for callers; balancers and monitoring ask. /metrics has a list of its own. Everything that is not spelled exactly so is for
 * callers: a router that is less strict can't be tricked into more.
 */
const operationsPaths = new Set(['/livez', '/readyz', '/metrics', '/openapi.json']);

export function createGate(deps: {
  readonly isAllowed: ClientCheck;
  /** Whether everybody may call: there is no list of clients, and no key is required. */
  readonly isOpen: boolean;
  readonly requiresKey: boolean;
  readonly callers: KnownCallers;
  readonly metrics: AccessMetrics;
  readonly onRefused: (request: IncomingMessage, reason: RefusalReason) => void;
}): Gate {
  const { isAllowed, isOpen, requiresKey, callers, metrics, onRefused } = deps;

  const judgeKey = (url: string): Verdict | Promise<Verdict> => {
    const { key, rest } = splitKeyPrefix(url);
    const path = withoutQuery(rest);
    const decide = (caller: Caller | undefined): Verdict => {
      if (caller === undefined) return { reason: 'caller_key_unknown', path };
      // What the protocol is asked for stands in the body.
      if (isMinaAuth(rest)) return { url: rest, caller };
      const permission = permissionFor(path);
      if (permission === undefined) return { reason: 'not_found', path };
      return isPermitted(caller, permission) ? { url: rest, caller } : { reason: 'caller_not_permitted', path };
    };
    const keyHash = hashCallerKey(key);
    const found = keyHash === undefined ? undefined : callers.find(keyHash);
    if (!(found instanceof Promise)) return decide(found);
    return found.then(decide, (): Verdict => ({ reason: 'callers_unavailable', path }));
  };

  const judge = (url: string, client: Client): Verdict | Promise<Verdict> => {
    const hasPrefix = url.startsWith(keyPrefix);
    if (isOpen && !hasPrefix && !isOfKeyHolders(url)) return { url };
    const path = withoutQuery(url);
    if (!hasPrefix && operationsPaths.has(path)) return { url };
    if (!isAllowed(client)) return { reason: 'client_not_allowed', path };
    if (hasPrefix) return judgeKey(url);
    return requiresKey || isOfKeyHolders(path) ? { reason: 'caller_key_missing', path } : { url };
  };

  const count = ({ caller }: Admitted): void => {
    if (caller !== undefined) metrics.called(caller.name);
  };

  const carryOut = (verdict: Verdict, context: Context, next: Next): unknown => {
    if ('reason' in verdict) {
      const { reason, path } = verdict;
      metrics.refused(reason);
      onRefused(context.req, reason);
      return refuse(context, statusOfRefusal(reason, isForwardAuth(path)), reason);
    }
    count(verdict);
    const { url, caller } = verdict;
    context.url = url;
    if (caller !== undefined) setCaller(context, caller);
    // If Koa reads another path out of the URL than was judged here, the request gets no further: 404.
    return context.path === withoutQuery(url) ? next() : undefined;
  };

  return {
    // Not async: a refusal has to end the connection before what was sent behind it is judged.
    pass(context, next) {
      const verdict = judge(withoutLeadingSlashes(originForm(context.url)), context.req);
      return verdict instanceof Promise
        ? verdict.then((late) => carryOut(late, context, next))
        : carryOut(verdict, context, next);
    },
    admitAtOnce(url, client) {
      const verdict = judge(url, client);
      if (verdict instanceof Promise || 'reason' in verdict) return undefined;
      count(verdict);
      return verdict;
    },
  };
}

/** What nobody gets without a key, wherever everybody may call. */
function isOfKeyHolders(url: string): boolean {
  return url.startsWith(tokenPath) || url.startsWith(wechatEventPath);
}

/** What it takes to ask for a path that is not the protocol's. @returns undefined if there is nothing for callers */
function permissionFor(path: string): string | undefined {
  if (isForwardAuth(path)) return 'auth';
  if (path === tokenPath) return 'token';
  return path === wechatEventPath ? wechatEventPermission : undefined;
}

/** `http://host/path`, as a client of a proxy sends it, is `/path`: nothing behind the gate reads another path than it did. */
function originForm(url: string): string {
  if (url.startsWith('/')) return url;
  const [, path] = /^https?:\/\/[^/?#]*(.*)$/is.exec(url) ?? [];
  if (path === undefined) return url;
  return path.startsWith('/') ? path : `/${path}`;
}

function withoutQuery(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
