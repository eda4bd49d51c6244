import { BaseError } from 'sequelize';
import type { Config } from '../../config/config.ts';
import { toPlainText } from '../../log/plain-text.ts';
import { openDatabase } from '../../store/database.ts';
import { listEndpoints, type ListedEndpoint } from '../endpoints.ts';
import { patienceMs } from '../patience.ts';
import { plural } from '../words.ts';
import { ok, warning, type Finding } from './finding.ts';

const check = 'events';
/** For a moment an endpoint may be away, as while it is deployed. */
const lateSeconds = 300;

/** Whether the endpoints take what they are sent. */
export async function checkEndpoints({ primary }: Config['database']): Promise<Finding[]> {
  const sequelize = openDatabase(primary, { poolSize: 1, connectTimeoutMs: patienceMs });
  try {
    const endpoints = (await listEndpoints(sequelize)).filter(({ isEnabled }) => isEnabled);
    const findings = endpoints.flatMap(judge);
    if (findings.length > 0 || endpoints.length === 0) return findings;
    return [
      ok(check, `${endpoints.length} ${endpoints.length === 1 ? 'endpoint takes' : 'endpoints take'} what happens`),
    ];
  } catch (error) {
    // The checks of the database and of its schema say what is wrong.
    if (error instanceof BaseError) return [];
    throw error;
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}

function judge({ name, failure, failingSince, oldestSeconds, dead, deliveredAt, waiting }: ListedEndpoint): Finding[] {
  const shown = toPlainText(name);
  const [longest] = waiting;
  // Others arrive meanwhile: it is the event, not the endpoint.
  if (longest !== undefined && longest.since < Date.now() - lateSeconds * 1000 && (deliveredAt ?? 0) > longest.since)
    return [
      warning(
        check,
        `${shown} takes events, but not ${waiting.length === 1 ? 'one' : waiting.length} of them (${toPlainText(longest.failure)}); ` +
          `others wait for ${Math.round((Date.now() - longest.since) / 1000)} s`,
        `Look which: npx wafer events list; let the others go on: npx wafer events skip ${shown}`,
        'endpoint_refuses',
      ),
    ];
  if (failingSince !== null)
    return [
      warning(
        check,
        `${shown} takes no events: ${toPlainText(failure ?? '')}; the oldest is ${Math.round(oldestSeconds)} s old`,
        `See what it answers: npx wafer events test ${shown}`,
        'endpoint_failing',
      ),
    ];
  if (oldestSeconds > lateSeconds)
    return [
      warning(
        check,
        `${shown} is ${Math.round(oldestSeconds)} s behind`,
        `See what it answers, and how fast: npx wafer events test ${shown}`,
        'endpoint_late',
      ),
    ];
  if (dead === 0) return [];
  return [
    warning(
      check,
      `${shown} has ${plural(dead, 'dead letter')}`,
      `Look at them: npx wafer events dead ${shown}; send them again: npx wafer events replay ${shown}`,
      'endpoint_dead_letters',
    ),
  ];
}
