import { parseArgs } from 'node:util';
import { readConfig } from '../../shared/config/config.ts';
import { noKeys } from '../../shared/keys/key-ring.ts';
import { runService } from '../../shared/lifecycle/run.ts';
import { createLog } from '../../shared/log/log.ts';
import { startAutoscaler } from './autoscaler.ts';
import { openWorkers } from './pm2.ts';

await runService(async () => {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } });
  const config = { ...readConfig(process.env), keys: noKeys };
  // The pm2 that started it is gone: another one starts another.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  const workers = openWorkers();
  return startAutoscaler(config, { workers, isDryRun: values['dry-run'] }, createLog('autoscaler', config.logLevel));
});
