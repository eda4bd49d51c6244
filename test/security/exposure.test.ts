import test from 'ava';
import { Registry } from 'prom-client';
import { createAccess } from '../../apps/web/access/access.ts';
import { readConfig } from '../../shared/config/config.ts';
import { createLog } from '../../shared/log/log.ts';
import { runCli } from '../apps/cli/run-cli.ts';

/** Nothing is opened here, so nothing has to be there. */
const env = { DATABASE_URL: 'mysql://u:p@127.0.0.1:1/c', REDIS_URL: 'redis://127.0.0.1:1' };
const exposed = { ...env, HOST: '0.0.0.0' };
const closed: Record<string, string>[] = [
  env,
  { ...exposed, ALLOWED_CLIENTS: '10.0.0.0/8' },
  { ...exposed, REQUIRE_CALLER_KEY: 'true' },
];

function warningsAtStart(variables: Record<string, string>): string[] {
  const warnings: string[] = [];
  const log = createLog('web', 'silent');
  log.warn = (...parts: unknown[]) => void warnings.push(JSON.stringify(parts));
  const stores = { sequelize: {} as never, cacheRedis: {} as never, countsSince: () => 0, seal: () => undefined };
  createAccess({ config: readConfig(variables), ...stores, registry: new Registry(), log });
  return warnings;
}

test.serial('web warns at its start where everybody on the network may call', (t) => {
  t.regex(warningsAtStart(exposed).join('\n'), /everybody who reaches this address may call: set ALLOWED_CLIENTS/);
  for (const variables of closed) t.deepEqual(warningsAtStart(variables), []);
});

test.serial('doctor warns of it, and says who may call where it is restricted', async (t) => {
  const findingOf = async (variables: Record<string, string>) => {
    const { json } = await runCli(variables, ['doctor', '--json']);
    return json.findings.find(({ check }: { check: string }) => check === 'callers');
  };
  const open = await findingOf(exposed);
  t.like(open, { state: 'warning', found: 'everybody who reaches 0.0.0.0:8080 may call' });
  t.regex(open.remedy, /ALLOWED_CLIENTS.*caller add.*REQUIRE_CALLER_KEY/);
  const both = await findingOf({ ...exposed, ALLOWED_CLIENTS: '10.0.0.0/8', REQUIRE_CALLER_KEY: 'true' });
  t.like(both, { state: 'ok', found: 'clients in ALLOWED_CLIENTS with a key may call' });
});
