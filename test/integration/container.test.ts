import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { Redis } from 'ioredis';
import { parse } from 'yaml';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { workerFlags } from '../../apps/local/worker-flags.ts';
import { rootDir } from '../support/built.ts';
import { createProductionInstall } from '../support/production-install.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { noteSecret } from '../support/traces.ts';

const ownServices = ['web', 'worker', 'console', 'migrate', 'wechat-simulator'];
const monitoring = ['prometheus', 'alertmanager', 'grafana'];
/** Nobody, on every Linux. */
const otherUser = 65_534;

interface Service {
  readonly image?: string;
  readonly profiles?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly privileged?: boolean;
  readonly user?: string;
  readonly cap_add?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const readServices = async () => {
  const text = await readFile(join(rootDir, 'docker-compose.yml'), 'utf8');
  return (parse(text, { merge: true }) as { services: Record<string, Service> }).services;
};

test('containers of our own have a read-only file system, no capabilities, and limits', async (t) => {
  const services = await readServices();
  for (const name of ownServices) {
    const service = services[name];
    t.true(service?.read_only, name);
    t.deepEqual(service?.tmpfs, ['/tmp'], name);
    t.deepEqual(service?.cap_drop, ['ALL'], name);
    t.truthy(service?.mem_limit, name);
    t.truthy(service?.pids_limit, name);
    for (const key of ['user', 'volumes', 'cap_add', 'privileged'] as const)
      t.is(service?.[key], undefined, `${name} ${key}`);
  }
});

test('compose publishes on this machine alone', async (t) => {
  const services = await readServices();
  for (const [name, { ports = [], networks }] of Object.entries(services)) {
    for (const port of ports) t.regex(port, /^(127\.0\.0\.1|\$\{WAFER_BIND:-127\.0\.0\.1\}):/, name);
    t.is(networks?.includes('stores'), !['wechat-simulator', ...monitoring].includes(name), name);
    const isInFront = ['web', 'worker', 'console', 'wechat-simulator', 'prometheus'].includes(name);
    t.is(networks?.includes('front'), isInFront, name);
  }
  const text = await readFile(join(rootDir, 'docker-compose.yml'), 'utf8');
  // Of Grafana the container asks itself: compose would ask those, too, who do not start it.
  const passwords = [...text.matchAll(/\$\{(\w*PASSWORD)(:?[-?]?)([^}]*)\}/g)].filter(
    ([, name]) => name !== 'GRAFANA_PASSWORD',
  );
  t.is(new Set(passwords.map(([, name]) => name)).size, 3);
  for (const [whole, , operator, message] of passwords) {
    t.is(operator, ':?', whole);
    t.regex(message ?? '', /\.env/, whole);
  }
});

test('monitoring comes when asked for, pinned and confined, never without a password', async (t) => {
  const services = await readServices();
  for (const name of monitoring) {
    const service = services[name];
    t.deepEqual(service?.profiles, ['monitoring'], name);
    t.regex(service?.image ?? '', /^[\w./-]+:v?\d+\.\d+\.\d+$/, name);
    t.true(service?.read_only, name);
    t.deepEqual(service?.cap_drop, ['ALL'], name);
    const mounted = (service?.volumes ?? []).flatMap((volume) => /^\.\/([^:]+):/.exec(volume)?.[1] ?? []);
    for (const path of mounted) t.true(existsSync(join(rootDir, path)), path);
  }
  const [shell = '', option = '', script = ''] = services['grafana']?.entrypoint ?? [];
  const withoutPassword = promisify(execFile)(shell, [option, script.replaceAll('$$', '$')], {
    env: { PATH: process.env['PATH'], GF_SECURITY_ADMIN_PASSWORD: '' },
  });
  await t.throwsAsync(withoutPassword, { message: /set GRAFANA_PASSWORD in \.env/ });
});

test('the Redis of compose takes nobody without the password', async (t) => {
  const folder = await createTemporaryFolder('compose-redis');
  t.teardown(folder.remove);
  const port = await findFreePort();
  // In the place of the image's own: it changes the user, then does this.
  const entrypoint = `#!/bin/sh\nexec "$@" --port ${port} --bind 127.0.0.1 --dir ${folder.path}\n`;
  await writeFile(join(folder.path, 'docker-entrypoint.sh'), entrypoint, { mode: 0o755 });
  const [shell = '', ...args] = (await readServices())['redis']?.command ?? [];
  const script = args.map((arg) =>
    arg.replaceAll('$$', '$').replaceAll('/tmp/', `${folder.path}/`).replace(' -o redis ', ' '),
  );
  const password = randomBytes(24).toString('hex');
  noteSecret('redis password', password);
  const env = { PATH: `${folder.path}:${process.env['PATH']}:/usr/sbin`, REDIS_PASSWORD: password };
  const child = spawn(shell, script, { env, stdio: 'ignore' });
  t.teardown(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const connect = (options: object) => {
    const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, ...options });
    client.on('error', () => undefined);
    t.teardown(() => client.disconnect());
    return client;
  };
  t.is(await connect({ password, maxRetriesPerRequest: null }).ping(), 'PONG');
  await t.throwsAsync(connect({}).set('forged', 'session'), { message: /NOAUTH/ });
  t.false((await readFile(`/proc/${child.pid}/cmdline`, 'utf8')).includes(password));
});

test('a worker gets the same flags of Node from npm and in a container', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(rootDir, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const services = await readServices();
  t.true(scripts['worker']?.includes(` ${workerFlags.join(' ')} dist/`));
  t.deepEqual(services['worker']?.command?.slice(2, -1), [...workerFlags]);
});

test('no container can get new privileges, and each that stays has a health check', async (t) => {
  const dockerfile = await readFile(join(rootDir, 'Dockerfile'), 'utf8');
  for (const [name, { security_opt, healthcheck }] of Object.entries(await readServices())) {
    t.true(security_opt?.includes('no-new-privileges:true'), name);
    if (name === 'web') t.regex(dockerfile, /^HEALTHCHECK .*\n +CMD \["node", .*livez/m);
    else if (name === 'migrate') t.true(healthcheck?.disable, name);
    else t.true((healthcheck?.test?.length ?? 0) > 1, name);
  }
});

test('the image runs as a user who owns nothing of it', async (t) => {
  const stages = (await readFile(join(rootDir, 'Dockerfile'), 'utf8')).split(/^FROM /m);
  const [build, final] = [stages[1] ?? '', stages.at(-1) ?? ''];
  const lines = final.split('\n');
  t.deepEqual(
    lines.filter((line) => line.startsWith('USER ')),
    ['USER node'],
  );
  t.deepEqual(
    lines.filter((line) => /--chown|^RUN |^ADD /.test(line)),
    [],
  );
  t.regex(build, /npm prune --omit=dev/);
});

test('wafer and npx wafer run in the image, as a user who may write nothing', async (t) => {
  const folder = await createProductionInstall((close) => t.teardown(close));
  const path = `${join(folder, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  for (const command of ['wafer', 'npx wafer']) {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `${command} queue --help`], {
      cwd: folder,
      env: { PATH: path, HOME: '/nonexistent', NPM_CONFIG_OFFLINE: 'true' },
      ...(process.getuid?.() === 0 ? { uid: otherUser, gid: otherUser } : {}),
    });
    t.regex(stdout, /Usage: wafer queue/, command);
  }
});

test('the image has the command wafer on its path', async (t) => {
  const dockerfile = await readFile(join(rootDir, 'Dockerfile'), 'utf8');
  const final = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  t.regex(final, /^ENV .*PATH=\/app\/node_modules\/\.bin:\$PATH$/m);
  t.regex(final, /^COPY --from=build \/app\/apps\/cli\/wafer\.js apps\/cli\/wafer\.js$/m);
  t.regex(dockerfile, /ln -s \.\.\/\.\.\/apps\/cli\/wafer\.js node_modules\/\.bin\/wafer && npm pkg delete bin/);
});

test('npm run sbom writes every package in CycloneDX and marks those of development', async (t) => {
  const folder = await createTemporaryFolder('sbom');
  t.teardown(folder.remove);
  for (const name of ['package.json', 'package-lock.json'])
    await copyFile(join(rootDir, name), join(folder.path, name));
  await promisify(execFile)('npm', ['run', 'sbom'], { cwd: folder.path });
  const { bomFormat, components } = JSON.parse(await readFile(join(folder.path, 'sbom.cdx.json'), 'utf8')) as Sbom;
  t.is(bomFormat, 'CycloneDX');
  // Some packages are there in several versions.
  const isForDevelopment = new Map<string, boolean>();
  for (const { name, properties = [] } of components) {
    const isMarked = properties.some((property) => property.name === 'cdx:npm:package:development');
    isForDevelopment.set(name, isMarked && isForDevelopment.get(name) !== false);
  }
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(rootDir, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  for (const name of Object.keys(dependencies)) t.is(isForDevelopment.get(name), false, name);
  for (const name of Object.keys(devDependencies)) t.true(isForDevelopment.has(name), name);
  t.true(isForDevelopment.get('ava'));
});

interface Sbom {
  readonly bomFormat: string;
  readonly components: readonly { readonly name: string; readonly properties?: readonly { readonly name: string }[] }[];
}
