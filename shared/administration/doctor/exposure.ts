import type { Config } from '../../config/config.ts';
import { isOpenToNetwork } from '../../config/exposure.ts';
import { ok, warning, type Finding } from './finding.ts';

const check = 'callers';

/** Who may call a front end that is started with this configuration. */
export function describeExposure(config: Config): Finding {
  const { http, access } = config;
  if (isOpenToNetwork(config))
    return warning(
      check,
      `everybody who reaches ${http.host}:${http.port} may call`,
      'Set ALLOWED_CLIENTS to the networks of your back ends, or give each a key (npx wafer caller add <name>) and set REQUIRE_CALLER_KEY=true.',
    );
  const who = access.allowed.isEmpty ? 'everybody' : 'clients in ALLOWED_CLIENTS';
  if (access.requiresKey) return ok(check, `${who} with a key may call`);
  return ok(check, access.allowed.isEmpty ? 'this machine alone may call' : `${who} may call`);
}
