import { runCli } from '../../apps/cli/run-cli.ts';
import { until } from '../../support/until.ts';
import { createClient } from '../support/ask.ts';
import { startKillableReceiver, type ReceivedEvent } from '../support/event-receiver.ts';
import { must, type Check, type Fault } from '../support/fault.ts';
import { judge } from '../support/judge.ts';
import { startSite, type Site } from '../support/site.ts';
import { createTallier, type Tallier } from '../support/tally.ts';
import { createLoadUser, nextLogin, type User } from '../support/users.ts';

const receiverKills = 5;
const workerKills = 2;
const receiverAwayMs = 1000;
const usersAtOnce = 16;
const loginsPerUser = 4;
const arrivalMs = 180_000;

/** What a user has been told to have done, in order; after what failed nobody knows. */
interface Story {
  readonly user: User;
  readonly done: ('in' | 'out')[];
  isCertain: boolean;
}

/** Log-in, log-in, log-out, and again: one after another, as far as the user can tell. */
async function live(site: Site, tallier: Tallier, story: Story): Promise<void> {
  const client = createClient(site.webs.map(({ url }) => url));
  const { user, done } = story;
  const ask = async (name: string, para: unknown) => {
    const settle = tallier.sent('login');
    const judged = judge(await client.ask(name, para), 'login', user.openId);
    settle(judged.verdict);
    return judged;
  };
  try {
    for (let index = 0; index < loginsPerUser; index++) {
      const { verdict, data } = await ask('qcloud.cam.id_skey', nextLogin(user));
      if (verdict.kind === 'ok') done.push('in');
      else story.isCertain = false;
      if (index % 2 === 0 || data === undefined) continue;
      const reply = await client.ask('qcloud.cam.logout', data);
      if (reply.kind === 'answer' && reply.text.includes('LOGOUT_SUCCESS')) done.push('out');
      else story.isCertain = false;
    }
  } finally {
    client.close();
  }
}

/** What has to have come of a user of whom everything is known. */
function expectedOf({ done }: Story): string[] {
  return done.map((each, index) => {
    if (each === 'out') return 'session.ended';
    return done[index - 1] === 'in' ? 'session.replaced' : 'session.created';
  });
}

/** Without what came once more. */
function firsts(received: readonly ReceivedEvent[]): ReceivedEvent[] {
  const seen = new Set<string>();
  return received.filter(({ id }) => !seen.has(id) && seen.add(id));
}

function judgeArrivals(stories: readonly Story[], received: readonly ReceivedEvent[], logins: number): Check[] {
  const byUser = groupByUser(firsts(received));
  const of = ({ user }: Story) => byUser.get(user.openId) ?? [];
  const count = (story: Story) => story.done.length;
  const lost = countLost(stories, byUser);
  const outOfOrder = stories.filter((story) => {
    const sequences = of(story).map(({ sequence }) => sequence);
    return sequences.some((sequence, index) => index > 0 && sequence < (sequences[index - 1] ?? 0));
  });
  const otherwise = stories.filter(
    (story) =>
      story.isCertain &&
      of(story)
        .map(({ type }) => type)
        .join() !== expectedOf(story).join(),
  );
  const differing = otherwise.map(
    (story) =>
      `${story.done.join()} came as ${of(story)
        .map(({ type }) => type)
        .join()}`,
  );
  const certain = stories.filter(({ isCertain }) => isCertain).length;
  const twice = received.length - firsts(received).length;
  return [
    must('every log-in is made', stories.length * loginsPerUser >= logins, stories.length * loginsPerUser),
    must('0 events lost', lost === 0, `${lost} of ${stories.reduce((sum, story) => sum + count(story), 0)}`),
    must('in order for every user', outOfOrder.length === 0, `${outOfOrder.length} of ${stories.length} users`),
    must(
      'exactly what was done, in its order',
      otherwise.length === 0,
      `${otherwise.length} of ${certain} users differ: ${differing.slice(0, 3).join('; ')}`,
    ),
    must('some came twice, most once', twice < received.length / 2, `${twice} of ${received.length} came again`),
  ];
}

function countLost(stories: readonly Story[], byUser: ReadonlyMap<string, readonly ReceivedEvent[]>): number {
  const lostOf = ({ user, done }: Story) => Math.max(0, done.length - (byUser.get(user.openId)?.length ?? 0));
  return stories.reduce((sum, story) => sum + lostOf(story), 0);
}

function groupByUser(events: readonly ReceivedEvent[]): Map<string, ReceivedEvent[]> {
  const groups = new Map<string, ReceivedEvent[]>();
  for (const event of events) groups.set(event.openId, [...(groups.get(event.openId) ?? []), event]);
  return groups;
}

export const eventsKilled: Fault = {
  name: 'events',
  title: 'kill -9 of the receiver of events five times, and of both workers',
  holds: 'every event arrives at least once, in order for each user',
  async run({ onClose, lengths }) {
    const site = await startSite({ onClose, webs: 1, workers: 2, env: { EVENTS_PRIVATE_TARGETS: '127.0.0.0/8' } });
    const receiver = await startKillableReceiver(onClose);
    const { stdout, stderr, status } = await runCli({ ...site.env }, ['events', 'add', 'soak', receiver.url, '--json']);
    if (status !== 0) throw new Error(`the endpoint was not added: ${stdout}${stderr}`);

    const tallier = createTallier();
    tallier.phase = 'during';
    const stories: Story[] = Array.from({ length: Math.ceil(lengths.logins / loginsPerUser) }, () => ({
      user: createLoadUser(),
      done: [],
      isCertain: true,
    }));
    let begun = 0;
    const work = async () => {
      for (let story = stories[begun++]; story !== undefined; story = stories[begun++])
        await live(site, tallier, story);
    };
    const kills = async () => {
      // Each at its share of the work, whatever that takes.
      const total = receiverKills + workerKills;
      for (let kill = 0; kill < total; kill++) {
        await until(`kill ${kill} is due`, () => begun >= (stories.length * (kill + 1)) / (total + 1), arrivalMs);
        const worker = kill % 3 === 2 ? site.workers[Math.floor(kill / 3) % site.workers.length] : undefined;
        if (worker === undefined) await receiver.killFor(receiverAwayMs);
        else {
          await worker.die();
          await worker.start();
        }
      }
    };
    await Promise.all([kills(), ...Array.from({ length: usersAtOnce }, work)]);
    tallier.lift();
    // By user: of one of whom not everything is known more may come than is known.
    const hasAll = async () => countLost(stories, groupByUser(firsts(await receiver.received()))) === 0;
    await until('all events have come', hasAll, arrivalMs).catch(() => undefined);
    const checks = judgeArrivals(stories, await receiver.received(), lengths.logins);
    const left = await site.mysql.query('select id from cWaferOutbox');
    return {
      tally: tallier.tally,
      users: stories.map(({ user }) => user),
      checks: [...checks, must('nothing is left to be moved', left.length === 0, left.length)],
    };
  },
};
