import type { WhereOptions } from 'sequelize';
import { toPlainText } from '../log/plain-text.ts';
import { toApps } from '../session/app-settings.ts';
import { readEnds } from '../session/ended-skeys.ts';
import { readUserInfo } from '../session/user-info.ts';
import { hashSkey } from '../session/skey.ts';
import { fromWallClock } from '../session/wall-clock.ts';
import { readApps } from '../store/app-reader.ts';
import type { SessionInfo, SessionInfoRow } from '../store/models.ts';
import { isEndedSkey } from '../store/session-ender.ts';
import { longUserInfo, storedUserInfo } from '../store/session-reader.ts';
import { AdministrationFailure } from './failure.ts';
import type { OpenDatabase } from './stores.ts';

/** Which sessions are meant: one row, one id on the wire, or all of a user or person. One of the first four is there. */
export interface SessionSelector {
  /** Primary key. */
  readonly row?: number | undefined;
  readonly id?: string | undefined;
  readonly openId?: string | undefined;
  readonly unionId?: string | undefined;
  /** Only sessions of this app. */
  readonly appid?: string | undefined;
}

/** A row of cSessionInfo for an administrator: no skey, no session_key. */
export interface StoredSession {
  readonly row: number;
  readonly id: string;
  readonly openId: string;
  readonly unionId: string | undefined;
  /** '' in rows of the original: they belong to the default app. */
  readonly appid: string;
  readonly nickName: string | undefined;
  /** Of its last log-in, if its app keeps that. */
  readonly device: { readonly kind: string; readonly label: string | null } | null;
  readonly clientIp: string | null;
  /** The name of the caller by whose key the last log-in came; null: by none, or it is not known. */
  readonly caller: string | null;
  /** Seconds since 1970. */
  readonly createTime: number;
  readonly lastVisitTime: number;
  /** Microseconds of Redis's time at which the log-in that wrote it was claimed; 0 in rows of the original. */
  readonly fence: number;
  /** To compare with what the cache holds; never shown. */
  readonly skeyHash: string;
  /** A later log-in, a log-out or an administrator has ended it: its skey is one that nobody has. */
  readonly isEnded: boolean;
  /** How the skeys before ended, the latest first. */
  readonly ends: ReturnType<typeof readEnds>;
  /** Another row has the same id and is newer: only that one counts. */
  readonly isSuperseded: boolean;
}

const columns = [
  'id',
  'uuid',
  'skey',
  'create_time',
  'last_visit_time',
  'open_id',
  'appid',
  'union_id',
  'fence',
  'user_info',
  'ended_skeys',
  'device_kind',
  'device_label',
  'client_ip',
  'caller',
] as const;

/**
 * The rows that are meant, newest first. The indexes compare by a collation; ids count by exact bytes.
 * @param defaultAppid to whom rows without an app belong
 */
export async function findSessions(
  sessionInfo: SessionInfo,
  { row, id, openId, unionId, appid }: SessionSelector,
  defaultAppid: string | undefined,
): Promise<StoredSession[]> {
  const wanted = {
    ...(row === undefined ? {} : { id: row }),
    ...(id === undefined ? {} : { uuid: id }),
    ...(openId === undefined ? {} : { open_id: openId }),
    ...(unionId === undefined ? {} : { union_id: unionId }),
  };
  const sessions = (await readRows(sessionInfo, wanted)).filter(
    (session) =>
      (id === undefined || session.id === id) &&
      (openId === undefined || session.openId === openId) &&
      (unionId === undefined || session.unionId === unionId) &&
      (appid === undefined || (session.appid || defaultAppid) === appid),
  );
  return row === undefined ? sessions : markSuperseded(sessionInfo, sessions);
}

/** As {@link findSessions}. @throws {AdministrationFailure} session_unknown if there is none */
export async function getSessions(
  { sessionInfo, appInfo }: Pick<OpenDatabase, 'sessionInfo' | 'appInfo'>,
  selector: SessionSelector,
): Promise<StoredSession[]> {
  const apps = toApps(await readApps(appInfo));
  const sessions = await findSessions(sessionInfo, selector, apps.default?.appid);
  if (sessions.length > 0) return sessions;
  const { row, id, openId, unionId, appid } = selector;
  const [name, value] =
    row !== undefined
      ? ['row', String(row)]
      : id !== undefined
        ? ['id', id]
        : openId !== undefined
          ? ['open_id', openId]
          : ['union_id', unionId];
  const ofApp = appid === undefined ? '' : ` of the app ${toPlainText(appid)}`;
  throw new AdministrationFailure(
    'session_unknown',
    `There is no session with the ${name} ${toPlainText(value ?? '')}${ofApp}.`,
  );
}

/** Sessions by their primary keys, in this order. */
export async function readSessionRows(sessionInfo: SessionInfo, rows: readonly number[]): Promise<StoredSession[]> {
  if (rows.length === 0) return [];
  const found = new Map((await readRows(sessionInfo, { id: [...rows] })).map((session) => [session.row, session]));
  return rows.flatMap((row) => found.get(row) ?? []);
}

async function readRows(sessionInfo: SessionInfo, where: WhereOptions<SessionInfoRow>): Promise<StoredSession[]> {
  const rows = (await sessionInfo.findAll({
    attributes: [...columns, [longUserInfo, 'user_info_long']],
    where,
    order: [
      ['last_visit_time', 'DESC'],
      ['id', 'DESC'],
    ],
    raw: true,
  })) as unknown as SessionInfoRow[];
  const newest = new Map(rows.toReversed().map((row) => [row.uuid, row.id]));
  return rows.map((row) => toStoredSession(row, newest.get(row.uuid) !== row.id));
}

/** Others with the same id, of which one may be newer. */
async function markSuperseded(sessionInfo: SessionInfo, sessions: readonly StoredSession[]): Promise<StoredSession[]> {
  const [session] = sessions;
  if (session === undefined) return [];
  const newest = (await readRows(sessionInfo, { uuid: session.id })).find(({ id }) => id === session.id);
  return [{ ...session, isSuperseded: newest !== undefined && newest.row !== session.row }];
}

function toStoredSession(row: SessionInfoRow, isSuperseded: boolean): StoredSession {
  return {
    row: row.id,
    id: row.uuid,
    openId: row.open_id,
    unionId: row.union_id ?? undefined,
    appid: row.appid ?? '',
    nickName: readNickName(row),
    device: row.device_kind === null ? null : { kind: row.device_kind, label: row.device_label },
    clientIp: row.client_ip,
    caller: row.caller,
    createTime: fromWallClock(row.create_time),
    lastVisitTime: fromWallClock(row.last_visit_time),
    fence: Number(row.fence),
    skeyHash: hashSkey(row.skey),
    isEnded: isEndedSkey(row.skey),
    ends: readEnds(row.ended_skeys),
    isSuperseded,
  };
}

function readNickName(row: SessionInfoRow): string | undefined {
  const profile = readUserInfo(storedUserInfo(row), { openId: row.open_id, unionId: row.union_id ?? '' })?.value;
  if (typeof profile !== 'object' || profile === null) return undefined;
  const { nickName } = profile as { nickName?: unknown };
  return typeof nickName === 'string' ? nickName : undefined;
}
