/** What a session server has to be, without any of what makes it fast: one user of one app, and what of the user's is valid when. */
export interface ModelSettings {
  readonly loginDurationDays: number;
  readonly sessionDurationSeconds: number;
  /** 1: a log-in ends the session before it. */
  readonly maxSessions: number;
  readonly graceSeconds: number;
}

/** First and last second at which something may have happened: the clock may tick while a request is under way. */
export type Seconds = readonly [first: number, last: number];
export type Verdict = 'valid' | 'invalid' | 'either';

export interface ModelSession {
  id: string;
  skey: string;
  createTime: Seconds;
  lastVisitTime: Seconds;
  previous?: { skey: string; until: Seconds; certain: boolean } | undefined;
  isEnded: boolean;
}

/** A visit reaches MySQL within this time, so for as long an idle session may pass for a live one where only MySQL is asked. */
const visitDelaySeconds = 10;

export function createModel({ loginDurationDays, sessionDurationSeconds, maxSessions, graceSeconds }: ModelSettings) {
  /** In the order of their log-ins. */
  let sessions: ModelSession[] = [];

  const within = (since: Seconds, limit: number, now: Seconds): Verdict => {
    if (now[1] - since[0] <= limit) return 'valid';
    return now[0] - since[1] > limit ? 'invalid' : 'either';
  };
  const all = (...verdicts: Verdict[]): Verdict => {
    if (verdicts.includes('invalid')) return 'invalid';
    return verdicts.includes('either') ? 'either' : 'valid';
  };
  const liveness = (session: ModelSession, now: Seconds, slackSeconds = 0): Verdict =>
    all(
      session.isEnded ? 'invalid' : 'valid',
      within(session.createTime, loginDurationDays * 86_400, now),
      within(session.lastVisitTime, sessionDurationSeconds + slackSeconds, now),
    );
  const find = (id: string) => sessions.find((session) => session.id === id);

  return {
    sessions: (): readonly ModelSession[] => sessions,
    check(id: string, skey: string, now: Seconds): Verdict {
      const session = find(id);
      if (session === undefined) return 'invalid';
      if (session.skey === skey) return liveness(session, now);
      const { previous } = session;
      if (previous?.skey !== skey) return 'invalid';
      return all(previous.certain ? 'valid' : 'either', within(previous.until, 0, now), liveness(session, now));
    },
    visit(id: string, now: Seconds) {
      const session = find(id);
      if (session !== undefined) session.lastVisitTime = now;
    },
    /** Which ids a log-in may keep; none: it is a new session. What has ended goes first, then the oldest log-in. */
    keptIds(): string[] {
      if (sessions.length < maxSessions) return [];
      const ended = sessions.filter(({ isEnded }) => isEnded);
      return (ended.length > 0 ? ended : sessions.slice(0, 1)).map(({ id }) => id);
    },
    logIn(id: string, skey: string, now: Seconds) {
      const kept = find(id);
      const was = kept === undefined ? 'invalid' : all(liveness(kept, now, visitDelaySeconds));
      const isCertain = kept !== undefined && was === 'valid' && liveness(kept, now) === 'valid';
      const until: Seconds = [now[0] + graceSeconds, now[1] + graceSeconds];
      const previous =
        graceSeconds > 0 && kept !== undefined && was !== 'invalid'
          ? { skey: kept.skey, until, certain: isCertain }
          : undefined;
      sessions = sessions.filter((session) => session !== kept);
      sessions.push({ id, skey, createTime: now, lastVisitTime: now, previous, isEnded: false });
    },
    end(isMeant: (session: ModelSession) => boolean) {
      for (const session of sessions.filter(isMeant)) session.isEnded = true;
    },
    /** As if nothing had happened for so long. */
    passTime(seconds: number) {
      const back = ([first, last]: Seconds): Seconds => [first - seconds, last - seconds];
      for (const session of sessions) {
        session.createTime = back(session.createTime);
        session.lastVisitTime = back([session.lastVisitTime[1], session.lastVisitTime[1]]);
        if (session.previous !== undefined) session.previous.until = back(session.previous.until);
      }
    },
  };
}
