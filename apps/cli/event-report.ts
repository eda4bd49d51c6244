import type { ListedEndpoint } from '../../shared/administration/endpoints.ts';
import type { DeadLetter } from '../../shared/events/dead-letters.ts';
import type { WaitingEvent } from '../../shared/events/waiting.ts';
import { toWallClock } from '../../shared/session/wall-clock.ts';
import type { CommandResult } from './result.ts';
import { formatTable } from './text.ts';

export const describeTime = (ms: number): string => `${toWallClock(Math.floor(ms / 1000))} (UTC+8)`;

export function describeEndpoints(endpoints: readonly ListedEndpoint[]): CommandResult {
  const rows = endpoints.map(
    ({ name, origin, apps, events, isEnabled, failure, failingSince, oldestSeconds, dead }) => [
      name,
      origin,
      apps?.join(', ') ?? 'any',
      events?.join(', ') ?? 'any',
      isEnabled
        ? failingSince === null
          ? 'on'
          : `failing since ${describeTime(failingSince)}: ${failure ?? ''}`
        : 'off',
      oldestSeconds === 0 ? '-' : `${Math.round(oldestSeconds)} s`,
      String(dead),
    ],
  );
  return {
    text:
      rows.length === 0
        ? 'There is no endpoint. Add one: npx wafer events add <name> <url>'
        : [
            formatTable([['NAME', 'TO', 'APPS', 'EVENTS', 'STATE', 'OLDEST', 'DEAD'], ...rows]),
            ...describeWaiting(endpoints.flatMap(({ waiting }) => waiting)),
          ].join('\n'),
    json: {
      endpoints: endpoints.map(({ waiting, ...endpoint }) => ({
        ...endpoint,
        waiting: waiting.map(({ id, at, event, appid, openId, since, failure }) => {
          return { sequence: id, at, event, appid, openId, since, failure };
        }),
      })),
    },
  };
}

/** The rest is in --json. */
const mostWaitingShown = 20;

function describeWaiting(waiting: readonly WaitingEvent[]): string[] {
  if (waiting.length === 0) return [];
  const rows = waiting
    .slice(0, mostWaitingShown)
    .map(({ endpoint, id, event, openId, since, failure }) => [
      endpoint,
      String(id),
      event,
      openId ?? '-',
      describeTime(since),
      failure,
    ]);
  const more = waiting.length - rows.length;
  return [
    '',
    'Not taken so far; other events wait for these (npx wafer events skip <name> lets them go on):',
    formatTable([['ENDPOINT', 'SEQUENCE', 'EVENT', 'USER', 'SINCE', 'ANSWER'], ...rows]),
    ...(more === 0 ? [] : [`… and ${more} more: --json`]),
  ];
}

export function describeLetters(letters: readonly DeadLetter[]): CommandResult {
  const rows = letters.map(({ letter, endpoint, at, event, appid, openId, failure, isAgain }) => [
    String(letter),
    endpoint,
    describeTime(at),
    event,
    appid ?? '-',
    openId ?? '-',
    isAgain ? 'is sent again' : failure,
  ]);
  return {
    text:
      rows.length === 0
        ? 'There is no dead letter.'
        : formatTable([['LETTER', 'ENDPOINT', 'HAPPENED', 'EVENT', 'APP', 'USER', 'WHY'], ...rows]),
    json: { letters },
  };
}
