import type { Context } from 'koa';
import { renderEnvelope, returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { fail, type Outcome } from '../../../shared/protocol/outcome.ts';
import { parseRequest, readOptional } from '../../../shared/protocol/request.ts';
import type { Interface } from '../interfaces/interface.ts';
import { readRawBody } from '../middleware/raw-body.ts';
import { requestIdOf } from '../middleware/request-id.ts';
import type { WebMetrics } from '../metrics.ts';

/** All three answer directly: SDKs replay a redirected POST as a GET. */
const paths = new Set(['/mina_auth/', '/mina_auth', '/mina_auth/index.php']);

export function isMinaAuth(path: string): boolean {
  return paths.has(path);
}

/** The protocol over HTTP: bytes in, envelope out. Neither the method nor a content type matters (PROTOCOL.md, 1). */
export function createMinaAuth({
  interfaces,
  bodyLimitBytes,
  metrics,
}: {
  interfaces: ReadonlyMap<string, Interface>;
  bodyLimitBytes: number;
  metrics: WebMetrics;
}): (context: Context) => Promise<void> {
  const answer = async (body: Buffer, context: Context): Promise<{ name: string; outcome: Outcome }> => {
    const request = parseRequest(body);
    if (!request.ok) return { name: 'none', outcome: request };
    const name = typeof request.interfaceName === 'string' ? request.interfaceName : '';
    const call = interfaces.get(name);
    if (call === undefined) return { name: 'unknown', outcome: fail('unknownInterface') };
    const requestedAppid = readOptional(request.interface, 'appid') ?? readOptional(request.para, 'appid');
    return { name, outcome: await call(request.para, { requestId: requestIdOf(context), requestedAppid }) };
  };

  return async (context) => {
    const started = performance.now();
    const body = await readRawBody(context.req, bodyLimitBytes);
    const { name, outcome } = await answer(body, context);
    context.status = 200;
    context.set('Content-Type', 'application/json;charset=utf-8');
    if (!outcome.ok && outcome.reason !== undefined) context.set('X-Wafer-Reason', outcome.reason);
    context.body = renderEnvelope(outcome);
    metrics.answered(name, returnCodeOf(outcome), (performance.now() - started) / 1000);
  };
}
