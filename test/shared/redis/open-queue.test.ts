import test from 'ava';
import { hurryEvents } from '../../../shared/events/queue.ts';
import { readRetentionState } from '../../../shared/retention/queue.ts';
import { createQueueReader } from '../../../shared/rpc/queue-state.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { openRedis } from '../../support/open-redis.ts';
import { startTestRedis } from '../../support/redis-server.ts';

const onClose = closeAfterAll(test);

test('looks at the queues leave no listeners on their connection', async (t) => {
  const { url } = await startTestRedis({ onClose });
  const commands = openRedis(url);
  onClose(async () => commands.disconnect());
  const look = () =>
    Promise.all([
      createQueueReader(commands, 2).readEach(Date.now()),
      readRetentionState(commands),
      hurryEvents(commands, 'crm'),
    ]);
  const countListeners = () =>
    commands.eventNames().map((name) => [String(name), commands.listenerCount(name)] as const);
  await look();
  const afterOne = countListeners();
  for (let times = 0; times < 20; times++) await look();
  t.deepEqual(countListeners(), afterOne);
});
