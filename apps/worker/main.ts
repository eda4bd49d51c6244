import { readConfig } from '../../shared/config/config.ts';
import { runService } from '../../shared/lifecycle/run.ts';
import { createLog } from '../../shared/log/log.ts';
import { startWorker } from './worker.ts';

await runService(async () => {
  const config = readConfig(process.env);
  return startWorker(config, createLog('worker', config.logLevel));
});
