import {
  levelOrderKey,
  longestOrderMs,
  openLevelOrder,
  sealLevelOrder,
  type LevelOrder,
} from '../../shared/log/level-order.ts';
import { tellAll, type Obeyed } from '../../shared/redis/control.ts';
import { createSeal } from '../../shared/rpc/seal.ts';
import { recordAudit, type Actor } from '../../shared/store/audit.ts';
import { getSealKey } from '../../shared/store/seal-key.ts';
import { UnfitRequest } from '../../shared/administration/failure.ts';
import type { OpenStores } from '../../shared/administration/stores.ts';

/** What is wanted; without level and checks everything is as usual again. */
export type WantedLevel = Pick<LevelOrder, 'level' | 'checksEvery'> & { readonly forMs: number };

/** Who logs otherwise from now on, and until when. */
interface ChangedLevel extends Obeyed {
  /** ISO 8601, by Redis's clock. */
  readonly until: string;
}

/** Changes how every front end and worker logs, for a while. @throws {UnfitRequest} for more than an hour */
export async function changeLogLevel(
  { sequelize, commands, clock }: OpenStores,
  { level, checksEvery, forMs }: WantedLevel,
  actor: Actor,
): Promise<ChangedLevel> {
  if (!(forMs > 0 && forMs <= longestOrderMs)) throw new UnfitRequest('a log level is changed for an hour at most');
  const seal = createSeal(await getSealKey(sequelize));
  const givenAtMs = Math.floor(clock.nowMs());
  const untilMs = givenAtMs + forMs;
  const order = sealLevelOrder(seal, { level, checksEvery, givenAtMs, untilMs });
  const until = new Date(untilMs).toISOString();
  await recordAudit(sequelize, {
    actor,
    action: 'log-level',
    ...(level === undefined ? {} : { target: level }),
    details: { until, checksEvery },
  });
  // For those that start meanwhile; before it is told, so that nobody falls between the two.
  await commands.set(levelOrderKey, order, 'PX', forMs);
  return { ...(await tellAll(commands, clock, { kind: 'log-level', order })), until };
}

/** The order that counts at present; undefined: none does. */
export async function readLogLevel({ sequelize, commands, clock }: OpenStores): Promise<LevelOrder | undefined> {
  const sealed = await commands.get(levelOrderKey);
  if (sealed === null) return undefined;
  const seal = createSeal(await getSealKey(sequelize));
  try {
    const order = openLevelOrder(seal, sealed);
    return order.untilMs > clock.nowMs() && (order.level !== undefined || order.checksEvery > 0) ? order : undefined;
  } catch {
    // Nobody of ours wrote it, and no process obeys it.
    return undefined;
  }
}
