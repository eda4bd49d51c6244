import type { EndReason } from '../session/ended-skeys.ts';

/** What other systems can be told of (docs/events.md). */
export const eventNames = [
  'session.created',
  'session.replaced',
  'session.ended',
  'profile.changed',
  'user.erased',
  'app.changed',
  'wechat.alert',
] as const;
export type EventName = (typeof eventNames)[number];

/** What the event's name does not say, as far as it has to be told. Never an skey, a session_key or a profile. */
export interface EventDetails {
  /** Of session.ended. */
  readonly why?: EndReason;
  /** Of session.ended: all sessions of the app that log-ins have made before, in milliseconds since 1970; without an app: of all apps. */
  readonly loggedInBefore?: number;
  /** Of app.changed. */
  readonly change?: 'set' | 'removed';
  /** Of wechat.alert. */
  readonly api?: string;
  readonly errcode?: string;
}

/** An event as it is kept. */
export interface StoredEvent {
  /** Greater than that of every event before, as they are sent. */
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** '': of a person who was erased since. Of a later version: a name that this one does not know. */
  readonly event: EventName | '';
  readonly appid: string | null;
  readonly openId: string | null;
  readonly sessionId: string | null;
  readonly details: EventDetails;
}

export interface EventRow {
  readonly id: number | string;
  readonly at: number | string;
  readonly event: string;
  readonly appid: string | null;
  readonly open_id: string | null;
  readonly session_id: string | null;
  readonly details: string | null;
}

export const eventColumns = 'id, at, event, appid, open_id, session_id, details';

export function toStoredEvent(row: EventRow): StoredEvent {
  return {
    id: Number(row.id),
    at: Number(row.at),
    event: row.event as EventName,
    appid: row.appid,
    openId: row.open_id,
    sessionId: row.session_id,
    details: row.details === null ? {} : (JSON.parse(row.details) as EventDetails),
  };
}

/** The same for every attempt and every endpoint, so that who gets it twice can tell. */
export function nameEvent({ id, at }: StoredEvent): string {
  return `evt_${at.toString(36)}_${id}`;
}

/** As it is sent: the body of a webhook, as JSON, and the data of a message in the stream. */
export function toMessage({ id, at, event, appid, openId, sessionId, details }: StoredEvent) {
  return {
    type: event,
    timestamp: new Date(at).toISOString(),
    data: {
      sequence: id,
      ...(appid === null ? {} : { appid }),
      ...(openId === null ? {} : { openId }),
      ...(sessionId === null ? {} : { sessionId }),
      ...details,
    },
  };
}

/** Of which apps and which events somebody wants to hear; null: of all. */
export interface EventFilter {
  readonly apps: readonly string[] | null;
  readonly events: readonly EventName[] | null;
}

export function isWanted(
  { apps, events }: EventFilter,
  { event, appid }: Pick<StoredEvent, 'event' | 'appid'>,
): boolean {
  if (event === '' || !(events?.includes(event) ?? true)) return false;
  // What is about no app in particular is about each.
  return apps === null || appid === null || apps.includes(appid);
}
