import { Option, type Command } from 'commander';
import {
  addEndpoint,
  listEndpoints,
  removeEndpoint,
  setEndpoint,
  type EndpointAdministration,
  type EndpointChange,
} from '../../../shared/administration/endpoints.ts';
import {
  replayDeadLetters,
  replayFrom,
  requireLetter,
  tellEndpointsChanged,
  testEndpoint,
} from '../../../shared/administration/event-replay.ts';
import { skipEvents } from '../../../shared/administration/event-skip.ts';
import type { Forgotten } from '../../../shared/administration/forget-everywhere.ts';
import { readCipher, readSettings } from '../../../shared/administration/settings.ts';
import { withDatabase, withRedis } from '../../../shared/administration/stores.ts';
import { plural } from '../../../shared/administration/words.ts';
import { readDeadLetters } from '../../../shared/events/dead-letters.ts';
import { eventNames, type EventFilter, type EventName } from '../../../shared/events/event.ts';
import { createTargetRules } from '../../../shared/events/targets.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { describeEndpoints, describeLetters, describeTime } from '../event-report.ts';
import { parseTime, timeHelp } from '../parse-time.ts';
import { tellWait } from '../progress.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { describeEffect } from '../text.ts';

interface FilterOptions {
  readonly app?: readonly string[];
  readonly event?: readonly EventName[];
}

interface SetOptions extends FilterOptions {
  readonly url?: string;
  readonly anyApp?: boolean;
  readonly anyEvent?: boolean;
  readonly on?: boolean;
  readonly off?: boolean;
  readonly newSecret?: boolean;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...new Set([...before, value])];

function collectEvent(value: string, before: readonly EventName[] = []): readonly EventName[] {
  const known = eventNames.find((name) => name === value);
  if (known === undefined)
    throw new UsageFailure(`--event takes one of ${eventNames.join(', ')}; it may be given again`);
  return [...new Set([...before, known])];
}

const appHelp = 'only what is about this app; may be given again';
const eventHelp = 'only this event, such as session.created; may be given again';
const defaultLetters = 50;

/** `events list | add | set | remove | test | dead | replay | skip`: which other systems are told what happens. */
export function addEventsCommands(program: Command, { env, streams, report }: CommandContext): void {
  const events = program.command('events').description('the endpoints that are told of log-ins, log-outs and more');
  const administer = <Result>(by: ByOption, work: (open: EndpointAdministration) => Promise<Result>): Promise<Result> =>
    withDatabase(env, ({ sequelize, appInfo }) => {
      const rules = createTargetRules(readSettings(env, 'events').events.privateTargets);
      return work({ sequelize, appInfo, cipher: readCipher(env), rules, actor: findActor(by) });
    });
  const tell = (due?: string): Promise<Forgotten> => tellEndpointsChanged((work) => withRedis(env, work), due);

  addCommand(events, 'list', 'lists the endpoints and how they do; their secrets are not shown', [
    'npx wafer events list',
    'npx wafer events list --json',
  ]).action(async () =>
    report(await withDatabase(env, async ({ sequelize }) => describeEndpoints(await listEndpoints(sequelize)))),
  );

  addCommand(events, 'add', 'adds an endpoint and shows the secret that its events are signed with, this once', [
    'npx wafer events add crm https://crm.example.com/wafer',
    'npx wafer events add crm https://crm.example.com/wafer --app wx0123456789abcdef --event session.created',
  ])
    .argument('<name>', 'letters, digits, dots, underscores and hyphens; it stands in logs and metrics')
    .argument('<url>', 'where the events are sent, by https')
    .option('--app <appid>', appHelp, collect)
    .option('--event <name>', eventHelp, collectEvent)
    .addOption(createByOption())
    .action(async (name: string, url: string, { app, event, ...by }: ByOption & FilterOptions) => {
      const filter: EventFilter = { apps: app ?? null, events: event ?? null };
      const { secret } = await administer(by, (open) => addEndpoint(open, name, { url, ...filter }));
      const forgotten = await tell();
      report({
        text: [
          `Added ${name}. Its secret, which is not shown again:`,
          '',
          `  ${secret}`,
          '',
          describeEffect(forgotten),
        ].join('\n'),
        json: { name, url, ...filter, secret, forgotten },
      });
    });

  addCommand(events, 'set', 'changes an endpoint', [
    'npx wafer events set crm --url https://crm.example.com/hooks',
    'npx wafer events set crm --new-secret',
    'npx wafer events set crm --off',
  ])
    .argument('<name>')
    .option('--url <url>', 'where the events are sent')
    .option('--app <appid>', appHelp, collect)
    .option('--any-app', 'what is about any app')
    .option('--event <name>', eventHelp, collectEvent)
    .option('--any-event', 'every event')
    .option('--on', 'sends events again, from now on')
    .option('--off', 'sends none; what happens meanwhile is not sent later')
    .option('--new-secret', 'makes a new secret and shows it, this once; for a day the one before signs too')
    .addOption(createByOption())
    .action(async (name: string, options: ByOption & SetOptions) => {
      const change = readChange(options);
      const { secret } = await administer(options, (open) => setEndpoint(open, name, change));
      const forgotten = await tell(name);
      report({
        text: [
          ...(secret === undefined
            ? [`Changed ${name}.`]
            : [`Changed ${name}. Its secret, which is not shown again:`, '', `  ${secret}`, '']),
          describeEffect(forgotten),
        ].join('\n'),
        json: { name, ...(secret === undefined ? {} : { secret }), forgotten },
      });
    });

  addCommand(events, 'remove', 'removes an endpoint, with its dead letters', ['npx wafer events remove crm'])
    .argument('<name>')
    .addOption(createByOption())
    .action(async (name: string, by: ByOption) => {
      await administer(by, (open) => removeEndpoint(open, name));
      const forgotten = await tell();
      report({
        text: [`Removed ${name}.`, describeEffect(forgotten)].join('\n'),
        json: { name, removed: true, forgotten },
      });
    });

  addCommand(events, 'test', 'sends an event that means nothing, from this machine, and says what is answered', [
    'npx wafer events test crm',
  ])
    .argument('<name>')
    .action(async (name: string) => {
      const { isDelivered, answer, tookMs } = await administer({}, (open) => testEndpoint(open, name));
      report({
        text: `${name} ${isDelivered ? 'took the event' : 'did not take the event'}: ${answer}, after ${Math.round(tookMs)} ms.`,
        json: { name, delivered: isDelivered, answer, tookMs: Math.round(tookMs) },
        exitCode: isDelivered ? 0 : 1,
      });
    });

  addCommand(events, 'dead', 'lists the events that an endpoint did not take within a day, the latest first', [
    'npx wafer events dead',
    'npx wafer events dead crm --limit 1000 --json',
  ])
    .argument('[name]', 'of this endpoint alone')
    .addOption(new Option('--limit <count>', 'at most so many').argParser(readCount).default(defaultLetters))
    .action(async (endpoint: string | undefined, { limit }: { readonly limit: number }) =>
      report(
        await withDatabase(env, async ({ sequelize }) =>
          describeLetters(await readDeadLetters(sequelize, { endpoint, limit })),
        ),
      ),
    );

  addCommand(
    events,
    'replay',
    'sends events once more: one dead letter, all of an endpoint, or everything since a time',
    ['npx wafer events replay crm', 'npx wafer events replay crm --letter 17', 'npx wafer events replay crm --from 6h'],
  )
    .argument('<name>')
    .addOption(new Option('--letter <number>', 'this dead letter alone').argParser(readCount))
    .addOption(new Option('--from <time>', `whatever happened since: ${timeHelp}`).argParser(parseTime('--from')))
    .addOption(createByOption())
    .action(
      async (
        name: string,
        { letter, from, ...by }: ByOption & { readonly letter?: number; readonly from?: number },
      ) => {
        if (letter !== undefined && from !== undefined) throw new UsageFailure('give one of --letter and --from');
        report(
          await tellWait(streams.stderr, 'Putting the events back in line', () =>
            administer(by, (open) => replay(open, name, letter, from)),
          ),
        );
        await tell(name);
      },
    );

  addCommand(
    events,
    'skip',
    'makes dead letters, at once, of the events that an endpoint does not take, so that those after them go on',
    ['npx wafer events skip crm', 'npx wafer events skip crm --sequence 4711'],
  )
    .argument('<name>')
    .addOption(
      new Option('--sequence <number>', 'this event alone, of those that `events list` shows').argParser(readCount),
    )
    .addOption(createByOption())
    .action(async (name: string, { sequence, ...by }: ByOption & { readonly sequence?: number }) => {
      const count = await administer(by, (open) => skipEvents(open, name, sequence));
      await tell(name);
      report({
        text:
          count === 0
            ? `Nothing waits for an event that ${name} does not take.`
            : `${plural(count, 'event')} skipped, and kept: npx wafer events dead ${name}`,
        json: { name, events: count },
      });
    });
}

function readChange({ url, app, anyApp, event, anyEvent, on, off, newSecret }: SetOptions): EndpointChange {
  if (anyApp === true && app !== undefined) throw new UsageFailure('give one of --app and --any-app');
  if (anyEvent === true && event !== undefined) throw new UsageFailure('give one of --event and --any-event');
  if (on === true && off === true) throw new UsageFailure('give one of --on and --off');
  const change = {
    ...(url === undefined ? {} : { url }),
    ...(app === undefined && anyApp !== true ? {} : { apps: app ?? null }),
    ...(event === undefined && anyEvent !== true ? {} : { events: event ?? null }),
    ...(on === undefined && off === undefined ? {} : { isEnabled: on === true }),
    ...(newSecret === true ? { newSecret } : {}),
  };
  if (Object.keys(change).length === 0) throw new UsageFailure('say what is to change: see --help');
  return change;
}

async function replay(
  open: EndpointAdministration,
  name: string,
  letter: number | undefined,
  from: number | undefined,
): Promise<CommandResult> {
  if (from !== undefined) {
    const first = await replayFrom(open, name, from * 1000);
    return {
      text:
        first === undefined
          ? 'Nothing has happened since, or it is not kept any more.'
          : `${name} gets everything again that happened from ${describeTime(first)} on.`,
      json: { name, from: first === undefined ? null : new Date(first).toISOString() },
    };
  }
  if (letter !== undefined) await requireLetter(open.sequelize, letter);
  const count = await replayDeadLetters(open, letter === undefined ? { endpoint: name } : { letter });
  return { text: `${plural(count, 'dead letter')} will be sent again.`, json: { name, letters: count } };
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageFailure('give a whole number, 1 or greater');
  return Number(text);
}
