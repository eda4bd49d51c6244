import test from 'ava';
import { startTestRedisCluster } from '../support/redis-cluster.ts';
import { runVectors } from './run-vectors.ts';

test('every vector gets the same answer on a Redis Cluster with three log-in queues', async (t) => {
  const cluster = await startTestRedisCluster({ onClose: t.teardown.bind(t) });
  await runVectors(t, { REDIS_URL: cluster.url, LOGIN_QUEUES: '3' });
});
