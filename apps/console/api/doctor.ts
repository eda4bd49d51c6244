import { z } from 'zod';
import { defineStream, type ApiRoute, type ServerEvent } from './route.ts';

const finding = z.object({
  check: z.string().describe('What was looked at, such as `redis.policy`'),
  state: z.enum(['ok', 'warning', 'fault']),
  found: z.string(),
  remedy: z.string().optional().describe('What to do about it'),
  cause: z.string().optional().describe('One word for programs, such as `redis_silent`'),
});
const end = z.object({ faults: z.int(), warnings: z.int() });
const told = z.union([finding, end]);

/** What the server needs, and what to do where it lacks it. */
export const doctorRoutes: readonly ApiRoute[] = [
  defineStream({
    method: 'GET',
    path: '/doctor',
    operationId: 'runDoctor',
    summary: 'Looks at everything that the server needs, and tells what it finds as it finds it; changes nothing',
    description:
      'Events `finding`, in the order in which they come, and one event `end` after at most ten seconds. Who asks while it looks for somebody else is told what it finds for both.',
    role: 'operator',
    stream: 'text/event-stream',
    query: z.object({
      wechat: z
        .enum(['true', 'false'])
        .default('false')
        .describe('Asks WeChat too what is left of the quotas of each app today'),
    }),
    answer: told,
    async *handle({ query, parts }): AsyncIterable<ServerEvent<z.input<typeof told>>> {
      const counts = { ok: 0, warning: 0, fault: 0 };
      for await (const each of parts.doctor.follow(query.wechat === 'true')) {
        counts[each.state]++;
        yield { event: 'finding', data: each };
      }
      yield { event: 'end', data: { faults: counts.fault, warnings: counts.warning } };
    },
  }),
];
