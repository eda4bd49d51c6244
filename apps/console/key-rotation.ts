import { randomBytes } from 'node:crypto';
import { QueryTypes } from 'sequelize';
import { z } from 'zod';
import { AdministrationFailure } from '../../shared/administration/failure.ts';
import { convertEverything, defaultRowsPerSecond } from '../../shared/administration/keys/convert.ts';
import { explainStoreFailure } from '../../shared/administration/store-failure.ts';
import { defineScript } from '../../shared/redis/script.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import type { Administration } from './administration.ts';
import { timestamp } from './api/fields.ts';

const count = z.int().nonnegative();

/** How far the rotation has come that was begun last. */
export const keyRotation = z.object({
  state: z
    .enum(['none', 'running', 'done', 'failed', 'interrupted'])
    .describe('interrupted: the console that ran it has ended. Another run passes over what is done'),
  done: count.describe('Sessions that were looked at'),
  total: count.nullable().describe('About how many there are'),
  changed: count.describe('Values that were written anew'),
  unreadable: count.describe('Sessions whose keys can’t be read with WAFER_KEYS'),
  startedAt: timestamp.nullable(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});

type KeyRotation = Readonly<z.infer<typeof keyRotation>>;

const nothing: KeyRotation = {
  state: 'none',
  done: 0,
  total: null,
  changed: 0,
  unreadable: 0,
  startedAt: null,
  error: null,
};

// One slot of a cluster.
const stateKey = 'wafer:{key-rotation}:state';
const lockKey = 'wafer:{key-rotation}:lock';
/** Two at once would do no harm, but twice the work. */
const lockMs = 30_000;
const tellMs = 1000;
const keptMs = 30 * 86_400_000;

const renewScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;
const releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

export async function readKeyRotation(commands: RedisClient): Promise<KeyRotation> {
  const [text, lock] = await Promise.all([commands.get(stateKey), commands.get(lockKey)]);
  const known = parseRotation(text);
  return known.state === 'running' && lock === null ? { ...known, state: 'interrupted' } : known;
}

/** As it lies in Redis, where others may write: what is none means none. */
function parseRotation(text: string | null): KeyRotation {
  try {
    return text === null ? nothing : keyRotation.parse(JSON.parse(text));
  } catch {
    return nothing;
  }
}

/**
 * Begins to write everything at rest with the first key of WAFER_KEYS, while workers run. It goes on when this returns, as long as this
 * process lives.
 * @throws {AdministrationFailure} rotation_running
 */
export async function beginKeyRotation(
  administration: Administration,
  { rowsPerSecond = defaultRowsPerSecond }: { readonly rowsPerSecond?: number | undefined },
): Promise<KeyRotation> {
  const { commands, sequelize } = administration;
  const owner = randomBytes(12).toString('base64url');
  if ((await commands.set(lockKey, owner, 'PX', lockMs, 'NX')) === null)
    throw new AdministrationFailure('rotation_running', 'A rotation of the keys is under way.');
  const release = () => defineScript(commands, 'waferReleaseRotation', releaseScript)([lockKey], [owner]);
  try {
    const [row] = await sequelize.query<{ total: number | string | null }>(
      'select max(id) - min(id) + 1 as total from cSessionInfo',
      { type: QueryTypes.SELECT },
    );
    const begun: KeyRotation = {
      ...nothing,
      state: 'running',
      total: Number(row?.total ?? 0),
      startedAt: new Date().toISOString(),
    };
    await save(commands, begun);
    void rotate(administration, rowsPerSecond, begun, owner).finally(() => release().catch(() => undefined));
    return begun;
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
}

async function rotate(
  administration: Administration,
  rowsPerSecond: number,
  begun: KeyRotation,
  owner: string,
): Promise<void> {
  const { commands, cipher, actor, config } = administration;
  const renew = defineScript(commands, 'waferRenewRotation', renewScript);
  let state = begun;
  let toldAt = performance.now();
  const tell = () => {
    toldAt = performance.now();
    // That Redis is away stops no rotation.
    save(commands, state).catch(() => undefined);
    renew([lockKey], [owner, lockMs]).catch(() => undefined);
  };
  // Also while a chunk takes long.
  const timer = setInterval(tell, lockMs / 3);
  try {
    const { left } = await convertEverything(administration, cipher, {
      actor,
      action: 'keys rotate',
      after: 0,
      rowsPerSecond,
      onProgress({ rows, changed, unreadable }) {
        state = { ...state, done: rows, changed, unreadable };
        if (performance.now() - toldAt >= tellMs) tell();
      },
    });
    state = { ...state, state: 'done', error: left === 0 ? null : leftOver };
  } catch (error) {
    const explained = explainStoreFailure(error, config.database.primary);
    state = { ...state, state: 'failed', error: tellError(explained) };
  } finally {
    clearInterval(timer);
    await save(commands, state).catch(() => undefined);
  }
}

const leftOver = {
  code: 'values_left',
  detail: 'Some values are not written with this key: see the status of the keys.',
};

function tellError(error: unknown): KeyRotation['error'] {
  return error instanceof AdministrationFailure
    ? { code: error.code, detail: error.message }
    : { code: 'internal', detail: 'This is a fault of the console.' };
}

async function save(commands: RedisClient, state: KeyRotation): Promise<void> {
  await commands.set(stateKey, JSON.stringify(state), 'PX', keptMs);
}
