import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { KoaAdapter } from '@bull-board/koa';
import type { Router } from '@koa/router';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { retentionPrefix, retentionQueue } from '../../shared/retention/queue.ts';
import { queueTag } from '../../shared/rpc/contract.ts';
import { openQueue } from '../../shared/redis/open-queue.ts';
import { authorize, type Doorkeeper } from './api/authorize.ts';
import { stateOf } from './state.ts';

const boardPath = '/queues/board';
const hidden = 'Sealed: what a job carries is for front ends and workers alone.';

/**
 * Bull Board, to look at: nobody changes a queue here, since a log-in must not run twice. What jobs carry is not shown, sealed as it is.
 * Loaded and opened with the first request: it has as many files as everything else of the console together.
 */
export function addBoard({
  commands,
  loginQueues,
  doorkeeper,
}: {
  readonly commands: RedisClient;
  readonly loginQueues: number;
  readonly doorkeeper: Doorkeeper;
}): (router: Router) => void {
  const show = async (name: string, prefix: string, shown: string): Promise<BullMQAdapter> => {
    const { BullMQAdapter: Adapter } = await import('@bull-board/api/bullMQAdapter');
    const queue = await openQueue(commands, name, prefix);
    const adapter = new Adapter(queue, { readOnlyMode: true, allowRetries: false, prefix: shown });
    for (const field of ['data', 'returnValue'] as const) adapter.setFormatter(field, () => hidden);
    return adapter;
  };
  const known: { plugin?: ReturnType<typeof open> } = {};
  const open = async (): Promise<ReturnType<KoaAdapter['registerPlugin']>> => {
    const [{ createBullBoard }, { KoaAdapter: ServerAdapter }] = await Promise.all([
      import('@bull-board/api'),
      import('@bull-board/koa'),
    ]);
    const serverAdapter = new ServerAdapter().setBasePath(boardPath);
    const queues = await Promise.all([
      ...Array.from({ length: loginQueues }, (_, shard) => show('login', queueTag('login', shard), `${shard} `)),
      show('session', queueTag('session', 0), ''),
      show(retentionQueue, retentionPrefix, ''),
    ]);
    createBullBoard({
      queues,
      // Its types are less exact than ours.
      serverAdapter: serverAdapter as unknown as Parameters<typeof createBullBoard>[0]['serverAdapter'],
      options: { uiConfig: { boardTitle: 'wafer-session', hideRedisDetails: true } },
    });
    // What it can't read somebody else has written: its own words could quote that. Its types know no 503.
    serverAdapter.setErrorHandler(() => ({ status: 503 as 500, body: { error: 'redis_unreadable' } }));
    return serverAdapter.registerPlugin();
  };
  return (router) =>
    router.register([boardPath, `${boardPath}/*path`], ['GET'], async (context, next) => {
      stateOf(context).operationId = 'showBoard';
      authorize(context, 'viewer', doorkeeper);
      context.set('Cache-Control', 'no-store');
      // Its paths are relative to a <base> of its own.
      const policy = context.response.get('Content-Security-Policy');
      context.set('Content-Security-Policy', policy.replace("base-uri 'none'", "base-uri 'self'"));
      const plugin = await (known.plugin ??= open());
      await plugin(context, next);
    });
}
