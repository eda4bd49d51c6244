import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** The workers of this machine, as its pm2 runs them. */
export interface Workers {
  /** @throws if pm2 does not answer */
  list(): Promise<WorkerList>;
  /** One more. Resolves when it is ready, or has had its time to become so. @throws if there is not one more then */
  add(): Promise<void>;
  /** Ends the youngest in order, and resolves when it has ended. @throws if it is still there then */
  remove(): Promise<void>;
  close(): void;
}

export interface WorkerList {
  readonly count: number;
  /** All of them run: none is being started, reloaded or stopped just now, by pm2 or by somebody. */
  readonly isSteady: boolean;
}

/** Of what pm2 gives to its users, what is needed here; documented as its programmatic API, but for `scale`. */
interface Pm2Api {
  connect(done: (error?: Error | null) => void): void;
  disconnect(): void;
  list(done: (error: Error | null, processes: readonly Pm2Process[]) => void): void;
  scale(name: string, more: string, done: (error: Error | null) => void): void;
  delete(id: number, done: (error: Error | null) => void): void;
}

interface Pm2Process {
  readonly name?: string;
  /** Text while it is being replaced. */
  readonly pm_id?: number | string;
  readonly pm2_env?: { readonly status?: string };
}

const appName = 'worker';
const listTimeoutMs = 5000;
/** Longer than listen_timeout and kill_timeout of ecosystem.config.js. */
const stepTimeoutMs = 45_000;

/**
 * Speaks to the pm2 that started this process, by that pm2's own code: no package of ours, so that production can have any.
 * @throws {Error} that says what is missing
 */
export function openWorkers(env: NodeJS.ProcessEnv = process.env): Workers {
  const api = loadPm2();
  const socket = join(env['PM2_HOME'] ?? join(homedir(), '.pm2'), 'rpc.sock');
  let connected = false;

  const ask = async <Answer>(
    timeoutMs: number,
    send: (done: (error?: Error | null, answer?: Answer) => void) => void,
  ): Promise<Answer> => {
    try {
      if (!connected) {
        // Else its client would start another daemon.
        await untilAnswers(socket);
        await called<void>(listTimeoutMs, (done) => api.connect(done));
        connected = true;
      }
      return await called(timeoutMs, send);
    } catch (error) {
      connected = false;
      api.disconnect();
      throw error;
    }
  };
  const listOwn = async () =>
    (await ask<readonly Pm2Process[]>(listTimeoutMs, (done) => api.list(done))).filter(({ name }) => name === appName);
  const expectCount = async (expected: number) => {
    const { length } = await listOwn();
    if (length !== expected) throw new Error(`pm2 has ${length} workers now, not ${expected}`);
  };

  return {
    async list() {
      const own = await listOwn();
      return {
        count: own.length,
        isSteady: own.every(({ pm_id: id, pm2_env: { status } = {} }) => typeof id === 'number' && status === 'online'),
      };
    },
    async add() {
      const { length } = await listOwn();
      await ask<void>(stepTimeoutMs, (done) => api.scale(appName, '+1', done));
      await expectCount(length + 1);
    },
    async remove() {
      const own = await listOwn();
      // pm2's own scaling would end the oldest, whose port of health checks is the first one.
      const youngest = Math.max(...own.map(({ pm_id: id }) => Number(id)));
      await ask<void>(stepTimeoutMs, (done) => api.delete(youngest, done));
      await expectCount(own.length - 1);
    },
    close: () => api.disconnect(),
  };
}

function called<Answer>(
  timeoutMs: number,
  send: (done: (error?: Error | null, answer?: Answer) => void) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`pm2 did not answer within ${timeoutMs} ms`)), timeoutMs);
    send((error, answer) => {
      clearTimeout(timer);
      // Not all that pm2 gives for an error is one.
      if (error) reject(error instanceof Error ? error : new Error('pm2 could not do it'));
      else resolve(answer as Answer);
    });
  });
}

function untilAnswers(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const tried = connect({ path }, () => {
      tried.destroy();
      resolve();
    });
    tried.setTimeout(listTimeoutMs, () => tried.destroy(new Error('silent')));
    tried.once('error', () => reject(new Error(`pm2 does not run: nothing answers at ${path}`)));
  });
}

/** In fork mode pm2's own file runs first, and loads ours. From a shell it is whatever pm2 the project has. */
function loadPm2(): Pm2Api {
  const [, program = ''] = process.argv;
  const isOfPm2 = basename(program).startsWith('ProcessContainer');
  // pm2 hands it on, and then its code takes this process for a command that it may end.
  delete process.env['PM2_USAGE'];
  try {
    return createRequire(isOfPm2 ? program : join(process.cwd(), 'package.json'))(
      isOfPm2 ? dirname(dirname(program)) : 'pm2',
    ) as Pm2Api;
  } catch (error) {
    throw new Error('pm2 can not be loaded: start this with pm2 (npx pm2 start ecosystem.config.js)', { cause: error });
  }
}
