import type { Config } from '../config/config.ts';
import type { Closer } from '../lifecycle/closer.ts';
import { createOutageWarning, type Log } from '../log/log.ts';
import type { Tracing } from './span.ts';

/** Loads OpenTelemetry only where traces are wanted: else nothing of it is in the process. */
export async function openTracing(
  settings: Config['tracing'],
  role: 'web' | 'worker',
  { closer, log }: { readonly closer: Closer; readonly log: Log },
): Promise<Tracing | undefined> {
  if (settings === undefined) return undefined;
  const { createTracing } = await import('./otlp.ts');
  const tracing = createTracing(settings, role, createOutageWarning(log, 'traces not sent'));
  closer.add('traces', () => tracing.close());
  return tracing;
}
