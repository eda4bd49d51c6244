import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { parse } from 'yaml';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { configVariables } from '../../shared/config/config.ts';
import { rootDir } from '../support/built.ts';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { findManifestFaults } from '../support/kubernetes-schemas.ts';
import {
  baseFiles,
  containersOf,
  kubernetesDir,
  manifestFiles,
  readDocuments,
  readManifests,
  workloadsOf,
  type Container,
  type Manifest,
} from '../support/kubernetes.ts';
import { createProductionInstall } from '../support/production-install.ts';
import { startStack } from '../support/stack.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const base = readManifests(baseFiles);
const workloads = workloadsOf(base);
const containers = containersOf(base);
const hasLabels = (labels: object, wanted: object = {}) =>
  Object.entries(wanted).every(([name, value]) => (labels as Record<string, unknown>)[name] === value);
const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
const ofKind = (kind: string) => base.filter((manifest) => manifest.kind === kind);
/** Helm's values, and Kustomize's own file: of no kind of Kubernetes. */
const values = 'prometheus-adapter.example.yaml';

test('every manifest is as the schemas of Kubernetes want it, without unknown fields', async (t) => {
  const manifests = readManifests(manifestFiles.filter((name) => name !== values));
  t.true(manifests.length > 15);
  for (const manifest of manifests)
    t.deepEqual(await findManifestFaults(manifest), [], `${manifest.kind} ${manifest.metadata.name}`);
  const wrong = { ...(ofKind('Service')[0] as Manifest), spec: { ports: [{ port: 'http', protokol: 'TCP' }] } };
  t.not((await findManifestFaults(wrong as never)).length, 0);
  const unknown = { ...(ofKind('Service')[0] as Manifest), spec: { ports: [{ port: 80, protokol: 'TCP' }] } };
  t.deepEqual(await findManifestFaults(unknown as never), ['/spec/ports/0/protokol is no field of Service']);
});

test('the base has every file, and Kustomize makes the same manifests of it', async (t) => {
  const { resources } = parse(await readFile(join(kubernetesDir, 'kustomization.yaml'), 'utf8')) as {
    resources: string[];
  };
  t.deepEqual(resources.toSorted(), baseFiles.toSorted());
  if (!hasKubectl) {
    t.log('skipped: kubectl is not here, so nobody can tell what Kustomize makes of the base');
    return;
  }
  const { stdout } = await promisify(execFile)('kubectl', ['kustomize', kubernetesDir]);
  const made = readDocuments(stdout);
  const namesOf = (manifests: readonly Manifest[]) =>
    manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();
  t.deepEqual(namesOf(made), namesOf(base));
  for (const manifest of made) t.deepEqual(await findManifestFaults(manifest), [], manifest.metadata.name);
});

test('the overlay of production.md puts image, namespace and variables in', async (t) => {
  const page = await readFile(join(rootDir, 'docs/production.md'), 'utf8');
  const [, overlay = ''] = /^```yaml\n(apiVersion: kustomize[^]*?)^```/m.exec(page) ?? [];
  t.true(overlay.includes('deploy/kubernetes'));
  if (!hasKubectl) {
    t.log('skipped: kubectl is not here');
    return;
  }
  const folder = await createTemporaryFolder('overlay');
  t.teardown(folder.remove);
  await cp(kubernetesDir, join(folder.path, 'wafer-session/deploy/kubernetes'), { recursive: true });
  await mkdir(join(folder.path, 'mine'));
  await writeFile(join(folder.path, 'mine/kustomization.yaml'), overlay);
  const { stdout } = await promisify(execFile)('kubectl', ['kustomize', join(folder.path, 'mine')]);
  const made = readDocuments(stdout);
  t.is(made.length, base.length);
  t.deepEqual([...new Set(made.map(({ metadata }) => metadata.namespace))], ['sessions']);
  t.deepEqual([...new Set(containersOf(made).map(({ image }) => image))], ['registry.example.com/wafer-session:0.1.0']);
  t.is(made.find(({ kind }) => kind === 'ConfigMap')?.data?.['ALLOWED_CLIENTS'], '10.42.0.0/16');
});

test('no container runs as root, writes its file system, or can get rights', (t) => {
  t.deepEqual(
    workloads.map(({ name }) => name),
    ['console', 'migrate', 'web', 'worker'].map((name) => `wafer-session-${name}`),
  );
  for (const { name, template } of workloads) {
    const { spec } = template;
    t.like(spec.securityContext, { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } });
    t.false(spec.automountServiceAccountToken, name);
    t.false(spec.enableServiceLinks, name);
    for (const container of spec.containers) {
      t.deepEqual(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      t.truthy(container.resources.limits['memory'], name);
      t.deepEqual(Object.keys(container.resources.requests), ['cpu', 'memory'], name);
    }
  }
});

test('a pod is given longer to end than its process takes', (t) => {
  for (const { name, template } of workloads.filter(({ name }) => !name.endsWith('migrate'))) {
    const [, seconds = '0'] = template.spec.containers[0]?.lifecycle?.preStop.exec.command ?? [];
    t.true((template.spec.terminationGracePeriodSeconds ?? 0) > Number(seconds) + 14, name);
  }
});

test('the commands are those of compose and of the image', async (t) => {
  const { services } = parse(await readFile(join(rootDir, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<string, { command?: string[] }>;
  };
  const image = JSON.parse(/^CMD (.*)$/m.exec(await readFile(join(rootDir, 'Dockerfile'), 'utf8'))?.[1] ?? '[]');
  for (const { name, command } of containers) t.deepEqual(command, services[name]?.command ?? image, name);
});

test('what selects pods selects the pods that are there', (t) => {
  const labels = workloads.map(({ template }) => template.metadata.labels);
  const selectors = base.flatMap(({ kind, metadata, spec }) => {
    const selector = kind === 'Service' ? spec?.selector : (spec?.podSelector ?? spec?.selector)?.matchLabels;
    return selector === undefined || kind === 'ServiceMonitor' ? [] : [{ of: `${kind} ${metadata.name}`, selector }];
  });
  t.true(selectors.length > 8);
  for (const { of, selector } of selectors)
    t.true(
      labels.some((each) => hasLabels(each, selector)),
      of,
    );
  // Nobody is left out: what is not let in or out by a policy is closed.
  const policies = ofKind('NetworkPolicy').filter(({ spec }) => spec?.policyTypes?.includes('Ingress'));
  for (const each of labels) t.true(policies.some(({ spec }) => hasLabels(each, spec?.podSelector?.matchLabels)));
  const [monitor] = ofKind('ServiceMonitor');
  const watched = ofKind('Service').filter(({ metadata }) =>
    hasLabels(metadata.labels ?? {}, monitor?.spec?.selector?.matchLabels),
  );
  t.deepEqual(
    watched.map(({ metadata }) => metadata.name),
    ['wafer-session-web'],
  );
  t.is(watched[0]?.spec?.ports?.[0]?.name, monitor?.spec?.endpoints?.[0]?.port);
});

test('an autoscaler says how many workers there are, and nothing else does', (t) => {
  const [{ spec } = {} as Manifest] = ofKind('HorizontalPodAutoscaler');
  const target = base.find(
    ({ kind, metadata }) => kind === spec?.scaleTargetRef?.kind && metadata.name === spec.scaleTargetRef.name,
  );
  t.is(target?.metadata.name, 'wafer-session-worker');
  t.is(target?.spec?.replicas, undefined);
});

test('secrets are a template; WAFER_KEYS is for workers and the console alone', (t) => {
  const template = readManifests(['secrets.example.yaml']);
  const keys = template.flatMap(({ metadata, stringData = {} }) => {
    t.deepEqual([...new Set(Object.values(stringData))], ['']);
    return Object.keys(stringData).map((key) => `${metadata.name} ${key}`);
  });
  const usedBy = (key: string) =>
    containers
      .filter(({ env }) =>
        env.some(({ valueFrom: { secretKeyRef: from } = { secretKeyRef: { name: '', key: '' } } }) => {
          return `${from.name} ${from.key}` === key;
        }),
      )
      .map(({ name }) => name);
  t.deepEqual(Object.fromEntries(keys.map((key) => [key, usedBy(key)])), {
    'wafer-session-stores DATABASE_URL': ['console', 'migrate', 'web', 'worker'],
    'wafer-session-stores REDIS_URL': ['console', 'web', 'worker'],
    'wafer-session-keys WAFER_KEYS': ['console', 'worker'],
    'wafer-session-console CONSOLE_OIDC_CLIENT_SECRET': ['console'],
  });
  const given = [...containers.flatMap(({ env }) => env.map(({ name }) => name)), ...Object.keys(configMap())];
  t.deepEqual(
    given.filter((name) => !configVariables.includes(name)),
    [],
  );
});

function configMap(): Readonly<Record<string, string>> {
  return ofKind('ConfigMap')[0]?.data ?? {};
}

const onClose = closeAfterAll(test);
/** Nobody, on every Linux. */
const otherUser = 65_534;

/** What a container runs, as the image would, with the variables that it is given; on this machine alone, on ports that are free. */
async function run(container: Container, folder: string, stores: Readonly<Record<string, string>>) {
  const ports = new Map<string, number>();
  for (const { name } of container.ports ?? []) ports.set(name, await findFreePort());
  const given = container.env.map(({ name, value }) => {
    if (value === undefined) return [name, stores[name] ?? ''];
    if (value === '0.0.0.0') return [name, '127.0.0.1'];
    const port = container.ports?.find(({ containerPort }) => String(containerPort) === value);
    return [name, port === undefined ? value : String(ports.get(port.name))];
  });
  const [file = '', ...args] = container.command;
  const child = spawn(file, args, {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      // A place that is not there: what would be written to the home or a temporary folder fails, too.
      HOME: '/nonexistent',
      TMPDIR: '/nonexistent',
      WECHAT_API_BASE: stores['WECHAT_API_BASE'],
      ...configMap(),
      ...(Object.fromEntries(given) as Record<string, string>),
    },
    ...(process.getuid?.() === 0 ? { uid: otherUser, gid: otherUser } : {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exited = once(child, 'exit');
  onClose(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    child,
    exited,
    urlOf: (port: string) => `http://127.0.0.1:${ports.get(port)}`,
    output: () => output,
  };
}

test('every container runs in the image, as another user where nothing can be written', async (t) => {
  const folder = await createProductionInstall(onClose);
  const { env } = await startStack({ onClose, webs: 0, workers: 0 });
  const listAll = async () => (await readdir(folder, { recursive: true })).toSorted();
  const before = await listAll();
  t.false(before.includes('node_modules/typescript'));
  const byName = (name: string) => containers.find((container) => container.name === name) as Container;

  const migration = await run(byName('migrate'), folder, env);
  t.deepEqual(await migration.exited, [0, null], migration.output());

  const services = containers.filter(({ name }) => name !== 'migrate');
  const running = await Promise.all(services.map((container) => run(container, folder, env)));
  for (const [index, { startupProbe, livenessProbe, readinessProbe, name }] of services.entries()) {
    const { urlOf, output } = running[index] as (typeof running)[0];
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
      const { path = '', port = '' } = probe?.httpGet ?? {};
      const isFine = () =>
        fetch(urlOf(port) + path).then(
          ({ status }) => status === 200,
          () => false,
        );
      await until(`${name} answers ${path}\n${output()}`, isFine);
    }
  }
  const url = running[services.findIndex(({ name }) => name === 'web')]?.urlOf('http') ?? '';
  const { returnData, returnCode } = await login(url, newUser());
  t.is(returnCode, 0);
  t.is((await auth(url, returnData)).returnCode, 0);

  const [{ spec } = {} as Manifest] = ofKind('HorizontalPodAutoscaler');
  const [{ external } = {}] = spec?.metrics ?? [];
  const { name: metric = '', selector } = external?.metric ?? {};
  const [label = '', value = ''] = Object.entries(selector?.matchLabels ?? {})[0] ?? [];
  const [monitor] = ofKind('ServiceMonitor');
  await until('the figure that workers are added by can be scraped', async () => {
    const page = await fetch(url + (monitor?.spec?.endpoints?.[0]?.path ?? ''));
    return (await page.text()).includes(`${metric}{${label}="${value}"} 0`);
  });

  for (const { child, exited, output } of running) {
    child.kill('SIGTERM');
    t.deepEqual(await exited, [0, null], output());
  }
  t.deepEqual(await listAll(), before);
});
