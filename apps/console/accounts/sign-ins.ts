import { createHash, randomBytes } from 'node:crypto';
import type Koa from 'koa';
import type { Context, Middleware } from 'koa';
import session from 'koa-session';
import type { Sequelize, Transaction } from 'sequelize';
import type { Operator } from '../../../shared/operators/operator-store.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import { stateOf } from '../state.ts';
import { bearerOf, notAPerson } from './bearer.ts';
import { addSignIn, findOperatorOfSignIn, readSignInIds, readStoreTime, removeSignIn } from './sign-in-store.ts';

/** What is kept of a sign-in, sealed. Times are milliseconds since 1970. */
interface SignIn {
  readonly operatorId: number;
  /** As the operator had it then: another one now, and this sign-in is over. */
  readonly signIns: number;
  readonly via: 'password' | 'oidc';
  readonly at: number;
  /** When the person last proved who they are: before `at`, where the identity provider knew the browser and asked nothing. */
  readonly provenAt: number;
  /** The same by the clock of MySQL, which nobody sets back together with that of a console. */
  readonly provenAtByStore: number;
  /** To a minute. */
  seenAt: number;
  readonly from: string;
  readonly agent: string;
}

interface ListedSignIn extends SignIn {
  /** Tells it from the others; of no use to sign in. */
  readonly id: string;
}

/** The sign-ins of persons, by cookie: what belongs to one is in Redis, and MySQL says which go on. */
export interface SignIns {
  /** Reads the cookie and what is kept for it; writes both if they change. */
  middleware(app: Koa): Middleware;
  /** undefined: none, or over. */
  current(context: Context): ListedSignIn | undefined;
  /**
   * Makes a new one under a new id, in the place of one that there is.
   * @param provenMsAgo when the person proved who they are
   */
  begin(context: Context, operator: Operator, via: SignIn['via'], provenMsAgo?: number): Promise<void>;
  /** Ends the one that asks, for `keep` or for good. @returns false if somebody has ended it meanwhile: then nothing may come of what it asked for */
  take(context: Context, transaction?: Transaction): Promise<boolean>;
  /** Goes on with the one that was taken, under a new id, after all of the operator have been ended by a new number. */
  keep(context: Context, signIns: number): Promise<void>;
  end(context: Context): void;
  /** Whether Redis has it, and it is not over by its age; whether somebody has ended it MySQL says. */
  isKept(id: string): Promise<boolean>;
  /** Whether the person has proved who they are within `freshMs`, by the clock of this process and by that of MySQL. */
  isFresh(context: Context): Promise<boolean>;
  /** The newest first. */
  list(operatorId: number): Promise<ListedSignIn[]>;
  /** @returns false if this operator has none of this id */
  endOne(operatorId: number, id: string): Promise<boolean>;
}

/** Without a visit. Streams of an open page do not count as one. */
const idleMs = 3_600_000;
/** However often somebody visits. */
const longestMs = 43_200_000;
/** How old what proved who somebody is may be, where that proves it once more: of the identity provider, which has their password. */
export const freshMs = 300_000;
/** What lies further ahead was written by a clock that was wrong, or is one. */
export const clocksDifferMs = 60_000;
/** How precisely the last visit is known. */
const visitEveryMs = 60_000;

const idBytes = 32;
const idShape = /^[A-Za-z0-9_-]{43}$/;
const maxAgentLength = 200;

const keyOf = (id: string) => `wafer:console:sign-in:${id}`;
/** What is in the cookie opens a sign-in; what is in Redis and in lists does not. */
const idOf = (secret: string) => createHash('sha256').update(secret).digest('hex');

function isOver({ at, seenAt }: SignIn): boolean {
  const now = Date.now();
  return now >= Math.min(seenAt + idleMs, at + longestMs) || at > now + clocksDifferMs;
}

function isRecent(ageMs: number): boolean {
  return ageMs >= -clocksDifferMs && ageMs <= freshMs;
}

/** @returns undefined: a stranger wrote it, or the key was another then */
function openSignIn(seal: Seal, id: string, stored: string): SignIn | undefined {
  try {
    return JSON.parse(seal.open(keyOf(id), stored)) as SignIn;
  } catch {
    return undefined;
  }
}

/** What an open page asks for without anybody: that is no visit. */
const asksByItself: readonly ((context: Context) => boolean)[] = [
  // As the page says itself (page/api/attendance.ts). Who says so and is there has a shorter sign-in.
  (context) => context.get('X-Wafer-Unattended') !== '',
  (context) => context.get('Accept').includes('text/event-stream'),
  ({ path }) => path.startsWith('/queues/board/api/'),
];

interface KoaSession extends Partial<SignIn> {
  readonly isNew: boolean;
  regenerate(): Promise<void>;
}
type WithSession = Context & { session: KoaSession | Partial<SignIn> | null };

export function createSignIns({
  sequelize,
  commands,
  findSeal,
  isSecure,
}: {
  readonly sequelize: Sequelize;
  readonly commands: RedisClient;
  readonly findSeal: () => Promise<Seal>;
  readonly isSecure: boolean;
}): SignIns {
  const read = async (id: string): Promise<SignIn | undefined> => {
    const stored = await commands.get(keyOf(id));
    if (stored === null) return undefined;
    const seal = await findSeal();
    const signIn = openSignIn(seal, id, stored);
    if (signIn === undefined || !isOver(signIn)) return signIn;
    await remove(id, signIn.operatorId);
    return undefined;
  };
  /** First where it counts: if Redis does not answer after that, it has ended all the same. */
  const remove = async (id: string, operatorId: number, transaction?: Transaction): Promise<boolean> => {
    const isEnded = await removeSignIn(sequelize, operatorId, id, transaction);
    await commands.del(keyOf(id));
    return isEnded;
  };
  /** Also one that Redis does not know, or not at present. */
  const endWherever = async (secret: string): Promise<void> => {
    if (!idShape.test(secret)) return;
    const id = idOf(secret);
    const operatorId = await findOperatorOfSignIn(sequelize, id);
    if (operatorId !== undefined) await remove(id, operatorId);
  };
  const store = {
    get: async (secret: string) => (idShape.test(secret) ? read(idOf(secret)) : undefined),
    async set(secret: string, signIn: SignIn, _maxAge: unknown, { ctx }: { ctx: Context }) {
      const id = idOf(secret);
      const lastsMs = Math.min(idleMs, signIn.at + longestMs - Date.now());
      if (lastsMs <= 0) return;
      const sealed = (await findSeal()).seal(keyOf(id), JSON.stringify(signIn));
      const state = stateOf(ctx);
      if (state.isSigningIn === true) {
        // It is written once more at the end of the request, when somebody may have ended it.
        state.isSigningIn = false;
        await commands.set(keyOf(id), sealed, 'PX', lastsMs);
        await addSignIn(sequelize, signIn.operatorId, id);
        // One that was ended while this request was under way stays so.
      } else await commands.set(keyOf(id), sealed, 'PX', lastsMs, 'XX');
    },
    async destroy(secret: string) {
      const id = idOf(secret);
      const signIn = await read(id);
      if (signIn !== undefined) await remove(id, signIn.operatorId);
    },
  };
  const cookieName = isSecure ? '__Host-wafer-console' : 'wafer-console';
  const options = {
    key: cookieName,
    // The cookie ends with the browser; what it opens ends by idleMs and longestMs.
    maxAge: 'session',
    httpOnly: true,
    sameSite: 'strict',
    secure: isSecure,
    signed: false,
    overwrite: true,
    genid: () => randomBytes(idBytes).toString('base64url'),
    store,
  };
  const secretOf = (context: Context) => context.cookies.get(cookieName) ?? '';
  return {
    middleware(app) {
      const keep = session(options as Parameters<typeof session>[0], app);
      return (context, next) => {
        if (bearerOf(context) !== undefined) return next();
        // TLS ends at a proxy, of which Koa knows nothing.
        if (isSecure) context.cookies.secure = true;
        return keep(context, next);
      };
    },
    current(context) {
      const { session } = context as WithSession;
      if (session?.operatorId === undefined) return undefined;
      const signIn = session as SignIn;
      const isVisit = !asksByItself.some((each) => each(context));
      if (isVisit && Math.abs(Date.now() - signIn.seenAt) >= visitEveryMs) signIn.seenAt = Date.now();
      return { ...(JSON.parse(JSON.stringify(signIn)) as SignIn), id: idOf(secretOf(context)) };
    },
    async begin(context, { id: operatorId, signIns }, via, provenMsAgo = 0) {
      if (bearerOf(context) !== undefined) throw notAPerson();
      await endWherever(secretOf(context));
      const byStore = await readStoreTime(sequelize);
      stateOf(context).isSigningIn = true;
      const at = Date.now();
      const from = stateOf(context).address ?? 'unknown';
      const agent = context.get('User-Agent').slice(0, maxAgentLength);
      const withSession = context as WithSession;
      const proven = { provenAt: at - provenMsAgo, provenAtByStore: byStore - provenMsAgo };
      withSession.session = { operatorId, signIns, via, at, ...proven, seenAt: at, from, agent };
      // Whatever id came with the request is none from now on.
      await (withSession.session as KoaSession).regenerate();
    },
    async take(context, transaction) {
      const operatorId = (context as WithSession).session?.operatorId;
      return operatorId !== undefined && remove(idOf(secretOf(context)), operatorId, transaction);
    },
    async keep(context, signIns) {
      const session = (context as WithSession).session as KoaSession;
      stateOf(context).isSigningIn = true;
      await Object.assign(session, { signIns }).regenerate();
    },
    end(context) {
      (context as WithSession).session = null;
    },
    isKept: async (id) => (await read(id)) !== undefined,
    async isFresh(context) {
      const { session } = context as WithSession;
      if (session?.operatorId === undefined) return false;
      const { provenAt, provenAtByStore } = session as SignIn;
      return isRecent(Date.now() - provenAt) && isRecent((await readStoreTime(sequelize)) - provenAtByStore);
    },
    async list(operatorId) {
      const ids = await readSignInIds(sequelize, operatorId);
      const kept = await Promise.all(ids.map(async (id) => ({ id, signIn: await read(id) })));
      return kept.flatMap(({ id, signIn }) => (signIn?.operatorId === operatorId ? [{ ...signIn, id }] : []));
    },
    async endOne(operatorId, id) {
      const signIn = /^[0-9a-f]{64}$/.test(id) ? await read(id) : undefined;
      return signIn?.operatorId === operatorId && remove(id, operatorId);
    },
  };
}
