import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { hashCallerKey } from '../../../shared/callers/caller-key.ts';
import type { KnownCallers } from '../../../shared/callers/known-callers.ts';
import { isForwardAuth } from '../routes/forward-auth.ts';
import { isMinaAuth } from '../routes/mina-auth.ts';
import type { AccessMetrics } from './access-metrics.ts';
import type { ClientCheck } from './client-check.ts';
import { keyPrefix, splitKeyPrefix } from './key-prefix.ts';
import { refuse, statusOfRefusal, type RefusalReason } from './refusal.ts';

/** Lets a request through to `proceed`, or answers it. */
export type Gate = (request: IncomingMessage, response: ServerResponse, proceed: RequestListener) => void;

/**
 * What is not for callers; balancers and monitoring ask. /metrics has a list of its own. Everything that is not spelled exactly so is for
 * callers: a router that is less strict can't be tricked into more.
 */
const operationsPaths = new Set(['/livez', '/readyz', '/metrics', '/openapi.json']);

/** Who may call, decided before the body is read. A key is taken off the URL here, so that nothing behind this ever sees one. */
export function createGate(parts: {
  readonly isAllowed: ClientCheck;
  /** Nobody is refused for their address or for want of a key. */
  readonly isOpen: boolean;
  readonly requiresKey: boolean;
  readonly callers: KnownCallers;
  readonly metrics: AccessMetrics;
  readonly onRefused: (request: IncomingMessage, reason: RefusalReason) => void;
}): Gate {
  const { isAllowed, isOpen, requiresKey, callers, metrics, onRefused } = parts;

  const turnAway = (request: IncomingMessage, response: ServerResponse, reason: RefusalReason, path: string) => {
    metrics.refused(reason);
    onRefused(request, reason);
    refuse(request, response, statusOfRefusal(reason, isForwardAuth(path)), reason);
  };

  const admitByKey = (request: IncomingMessage, response: ServerResponse, url: string, proceed: RequestListener) => {
    const { key, rest } = splitKeyPrefix(url);
    const path = withoutQuery(rest);
    const decide = (name: string | undefined) => {
      if (name === undefined) return turnAway(request, response, 'caller_key_unknown', path);
      if (!isMinaAuth(rest) && !isForwardAuth(path)) return turnAway(request, response, 'not_found', path);
      metrics.called(name);
      request.url = rest;
      return proceed(request, response);
    };
    const keyHash = hashCallerKey(key);
    const found = keyHash === undefined ? undefined : callers.find(keyHash);
    if (!(found instanceof Promise)) return decide(found);
    found.then(decide, () => turnAway(request, response, 'callers_unavailable', path));
  };

  return (request, response, proceed) => {
    const url = originForm(request);
    const hasPrefix = url.startsWith(keyPrefix);
    if (isOpen && !hasPrefix) return proceed(request, response);
    const path = withoutQuery(url);
    if (!hasPrefix && operationsPaths.has(path)) return proceed(request, response);
    if (!isAllowed(request)) return turnAway(request, response, 'client_not_allowed', path);
    if (hasPrefix) return admitByKey(request, response, url, proceed);
    return requiresKey ? turnAway(request, response, 'caller_key_missing', path) : proceed(request, response);
  };
}

/** `http://host/path`, as a client of a proxy sends it, is `/path`. Replaced, so that nothing behind the gate reads another path than it did. */
function originForm(request: IncomingMessage): string {
  const url = request.url ?? '';
  if (url.startsWith('/')) return url;
  const [, path] = /^https?:\/\/[^/?#]*(.*)$/is.exec(url) ?? [];
  if (path === undefined) return url;
  request.url = path.startsWith('/') ? path : `/${path}`;
  return request.url;
}

function withoutQuery(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
