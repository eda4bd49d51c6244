import type { RequestListener } from 'node:http';
import { createApp } from '../../apps/web/app.ts';
import type { Answer } from '../../apps/web/answer.ts';
import { addForwardAuth, type CheckCredentials } from '../../apps/web/routes/forward-auth.ts';
import { addMinaAuth, type AnswerBody } from '../../apps/web/routes/mina-auth.ts';
import { createLog } from '../../shared/log/log.ts';

const nothing = (): Answer => ({ status: 200, body: '{}' });

/** Koa as in the front end, for everybody, with answers that a test makes. */
export function createOpenApp({
  answer = nothing,
  check = nothing,
  bodyLimitBytes = 5000,
}: {
  answer?: AnswerBody;
  check?: CheckCredentials;
  bodyLimitBytes?: number;
}): RequestListener {
  const handle = createApp({
    log: createLog('web', 'silent'),
    gate: { pass: (_context, next) => next(), admitAtOnce: (url) => ({ url }) },
    routes: [addMinaAuth(answer, bodyLimitBytes), addForwardAuth(check)],
    bodyLimitBytes,
    stopping: new AbortController().signal,
  }).callback();
  return (request, response) => void handle(request, response);
}
