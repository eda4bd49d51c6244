import { readConfig } from '../../shared/config/config.ts';
import { runService } from '../../shared/lifecycle/run.ts';
import { createLog } from '../../shared/log/log.ts';
import { startWeb } from './server.ts';

await runService(async () => {
  const config = readConfig(process.env);
  return startWeb(config, createLog('web', config.logLevel));
});
