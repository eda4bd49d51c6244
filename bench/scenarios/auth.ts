import type { Bench } from '../bench.ts';
import type { PeerFormatName } from '../data/peer-formats.ts';
import { assertSameAnswers } from '../load/same-answers.ts';
import type { RequestSource } from '../load/source.ts';
import { compare, type ComparisonOptions } from '../measure/compare.ts';
import type { Result } from '../measure/result.ts';
import { fullLoadConnections } from './scenario.ts';

interface AuthComparison {
  readonly name: string;
  readonly source: RequestSource;
  /** A file in bench/peers/servers. */
  readonly peer: string;
  readonly peerSource: RequestSource;
  readonly inspectOurs?: ComparisonOptions['inspectOurs'];
  readonly notes?: readonly string[];
  /** More environment of our front end. */
  readonly webEnv?: Record<string, string>;
  /** Whether both answer the same bytes; by default they do. */
  readonly hasSameAnswers?: boolean;
}

/** One front end of ours against one process of a peer, each alone on its core. */
export async function compareAuth(
  bench: Bench,
  { name, source, peer, peerSource, inspectOurs, notes = [], webEnv = {}, hasSameAnswers = true }: AuthComparison,
): Promise<Result> {
  const { stack } = bench;
  stack.place('rest');
  const worker = await stack.startWorker();
  const web = await stack.startWeb({ env: webEnv });
  const other = await stack.startPeer(peer);
  try {
    if (hasSameAnswers) await assertSameAnswers(web.url, source, other.url, peerSource);
    return await compare(bench, {
      name,
      cores: 'rest',
      ours: {
        urls: [web.url],
        shares: [{ source, share: 1 }],
        processes: [
          { label: 'front end', pid: web.pid },
          { label: 'worker', pid: worker.pid },
        ],
        connections: fullLoadConnections,
      },
      peer: {
        urls: [other.url],
        shares: [{ source: peerSource, share: 1 }],
        processes: [{ label: 'front end', pid: other.pid }],
        connections: fullLoadConnections,
      },
      ...(inspectOurs === undefined ? {} : { inspectOurs }),
      notes,
    });
  } finally {
    await Promise.all([web, worker, other].map((program) => program.stop()));
  }
}

/** Evenly drawn sessions against a peer that keeps them in its own way. */
export async function compareAuthEvenly(
  bench: Bench,
  name: string,
  peer: string,
  format: PeerFormatName,
): Promise<Result> {
  const peerSource = await bench.dataset.peer(format);
  return compareAuth(bench, { name, source: await bench.dataset.even(), peer, peerSource });
}
