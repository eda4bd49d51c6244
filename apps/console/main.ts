import { readConfig } from '../../shared/config/config.ts';
import { runService } from '../../shared/lifecycle/run.ts';
import { createLog } from '../../shared/log/log.ts';
import { startConsole } from './console.ts';

await runService(async () => {
  const config = readConfig(process.env);
  return startConsole({ config, env: process.env }, createLog('console', config.logLevel));
});
