import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { rootDir } from '../../support/built.ts';
import { createPm2 } from '../../support/pm2.ts';
import { alwaysHolds, describeErrors, must, type Fault, type Seen, type Check } from '../support/fault.ts';
import { buildOldVersion, findOldVersionMissing } from '../support/old-version.ts';
import type { Program } from '../support/program.ts';
import { startSite } from '../support/site.ts';
import { errorCount, total } from '../support/tally.ts';

function nothingFails(seen: Seen): Check[] {
  const { errors } = total(seen.tally, 'login');
  return [
    ...alwaysHolds(seen),
    must('0 lost log-ins', errorCount(total(seen.tally, 'login')) === 0, describeErrors(errors)),
  ];
}

export const rollingDeploy: Fault = {
  name: 'rolling-deploy',
  title: 'old and new version side by side: upgrade one by one, and back',
  holds: 'no request fails',
  findMissing: findOldVersionMissing,
  async run({ onClose, underLoad, lengths }) {
    const oldDir = await buildOldVersion(onClose);
    const site = await startSite({ onClose, rootDirOf: () => oldDir });
    // One after another until none of the version before is left, so that no new front end meets only workers that do not know it.
    const createFor = (before: readonly Program[]) => Promise.all(before.map(({ role }) => site.addProgram(role)));
    const [newWorkers, newWebs] = [await createFor(site.workers), await createFor(site.webs)];
    /** What the balancer sends to: what is ready, and not about to be stopped. */
    const urls = site.webs.map(({ url }) => url);
    /** As a supervisor does it: the next one has to be ready before the one before it goes. */
    const replace = async (before: readonly Program[], after: readonly Program[]) => {
      for (const [index, program] of after.entries()) {
        await program.start();
        if (program.role === 'web') urls.push(program.url);
        const leaving = before[index] as Program;
        if (leaving.role === 'web') urls.splice(urls.indexOf(leaving.url), 1);
        await leaving.stop();
      }
    };
    const seen = await underLoad(
      site,
      async (load) => {
        // A worker must know a call before a front end asks for it, so workers go first and come back last.
        await replace(site.workers, newWorkers);
        await replace(site.webs, newWebs);
        await load.last(lengths.outageMs);
        await replace(newWebs, site.webs);
        await replace(newWorkers, site.workers);
      },
      urls,
    );
    return { ...seen, checks: nothingFails(seen) };
  },
};

export const reloads: Fault = {
  name: 'reloads',
  title: 'pm2 reloads everything, again and again',
  holds: 'no request fails',
  async run({ onClose, underLoad, lengths }) {
    const site = await startSite({ onClose, webs: 0, workers: 0 });
    const port = await findFreePort();
    const none = { DATABASE_REPLICA_URL: '', REDIS_CACHE_URL: '', LOGIN_QUEUES: '', LOGIN_REQUIRES_USER_DATA: '' };
    const env = {
      ...none,
      ...site.env,
      PORT: String(port),
      WEB_PROCESSES: '2',
      WORKER_PROCESSES: '2',
      LOG_LEVEL: 'warn',
    };
    const pm2 = await createPm2({ env: { ...env, WORKER_HEALTH_PORT: '' }, onClose });
    await pm2.run('start', `${rootDir}/ecosystem.config.js`);
    const seen = await underLoad(site, async () => {
      for (let round = 0; round < lengths.reloads; round++) {
        await pm2.run('reload', 'worker');
        await pm2.run('reload', 'web');
      }
    }, [`http://127.0.0.1:${port}`]);
    await pm2.run('delete', 'all');
    return { ...seen, checks: nothingFails(seen) };
  },
};
