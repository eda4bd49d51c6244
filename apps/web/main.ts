import { readConfig } from '../../shared/config/config.ts';
import { noKeys } from '../../shared/keys/key-ring.ts';
import { runService } from '../../shared/lifecycle/run.ts';
import { createLog } from '../../shared/log/log.ts';
import { dropKeysFromEnvironment } from './keys-in-environment.ts';
import { startWeb } from './web.ts';

await runService(async () => {
  // Faults of WAFER_KEYS are told like all others, whoever should have it.
  const config = { ...readConfig(process.env), keys: noKeys };
  const hadKeys = dropKeysFromEnvironment();
  const log = createLog('web', config.logLevel);
  if (hadKeys)
    log.warn(
      'WAFER_KEYS is in the environment of this front end: give it to workers alone (docs/production.md, "Keys at rest")',
    );
  return startWeb(config, log);
});
