import type { IncomingMessage } from 'node:http';
import type { ClientList } from '../../../shared/config/client-list.ts';
import type { Log } from '../../../shared/log/log.ts';
import { clientAddressOf } from './client-address.ts';
import type { RefusalReason } from './refusal.ts';

const repeatAfterMs = 1000;

/**
 * Logs refusals at most once a second, with a count of suppressed ones, so that a flood can't fill the disk. Never logs
 * the URL.
 */
export function createRefusalLog(
  log: Log,
  trustedProxies: ClientList,
): (request: IncomingMessage, reason: RefusalReason) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (request, reason) => {
    const now = performance.now();
    if (now - toldAt < repeatAfterMs) {
      untold++;
      return;
    }
    const address = clientAddressOf(request, trustedProxies) ?? 'unknown';
    log.warn({ reason, address, ...(untold > 0 ? { alsoRefused: untold } : {}) }, 'request refused');
    toldAt = now;
    untold = 0;
  };
}
