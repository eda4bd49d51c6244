import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

import { findBinary, getBinary } from '../../apps/local/servers/binaries.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { startServerProcess } from '../../apps/local/servers/server-process.ts';
import { rootDir } from './built.ts';
import type { OnClose } from './closing.ts';
import { quickenRules } from './quick-rules.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { installPrometheus } from './promtool.ts';

export interface FiringAlert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `pending`: its expression holds, but not for long enough. */
  readonly state: 'pending' | 'firing';
  readonly summary: string;
  /** Milliseconds since 1970 from which on its expression has held. */
  readonly activeAt: number;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Debian's Prometheus with the configuration and the rules of deploy/prometheus. */
export interface TestPrometheus {
  /** Alerts that are pending or fire. */
  alerts(): Promise<FiringAlert[]>;
  /** An instant query. */
  query(expression: string): Promise<Sample[]>;
  /** Resolves when every target was scraped and every rule evaluated. @throws if that takes too long, or a rule fails */
  isWatching(): Promise<boolean>;
}

interface ShippedConfig {
  global: { scrape_interval: string };
  alerting?: unknown;
  scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
}

/** More often would be answered with the same page: web renders one a second. */
const leastScrapeSeconds = 1;
const shippedScrapeSeconds = 15;

/** Whether it is there, or can be had. */
export async function canHavePrometheus(): Promise<boolean> {
  await installPrometheus();
  return findBinary('prometheus') !== undefined;
}

/**
 * @param options.targets addresses of front ends, host:port
 * @param options.factor by which all durations are divided, of the rules and between scrapes (which come once a second at most)
 */
export async function startPrometheus(options: {
  readonly targets: readonly string[];
  readonly factor: number;
  readonly onClose: OnClose;
}): Promise<TestPrometheus> {
  const { targets, factor, onClose } = options;
  await installPrometheus();
  const folder = await createTemporaryFolder('prometheus');
  onClose(folder.remove);
  const shipped = (name: string) => readFileSync(join(rootDir, 'deploy/prometheus', name), 'utf8');
  const config = parse(shipped('prometheus.yml')) as ShippedConfig;
  delete config.alerting;
  config.global.scrape_interval = `${Math.max(leastScrapeSeconds, shippedScrapeSeconds / factor) * 1000}ms`;
  // Front ends alone: a console is not among the targets.
  config.scrape_configs = config.scrape_configs.filter(({ job_name: job }) => job === 'wafer-session');
  for (const scraped of config.scrape_configs) scraped.static_configs = [{ targets: [...targets] }];
  writeFileSync(join(folder.path, 'prometheus.yml'), stringify(config));
  const rules = quickenRules(shipped('wafer-session.rules.yml'), factor);
  writeFileSync(join(folder.path, 'wafer-session.rules.yml'), rules);
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await startServerProcess({
    name: 'prometheus',
    binary: getBinary('prometheus'),
    args: [
      `--config.file=${join(folder.path, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder.path, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    dir: folder.path,
    isReady: async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.status === 200,
    readyTimeoutMs: 30_000,
    stopSignal: 'SIGKILL',
  });
  onClose(() => server.stop());
  return connectTo(url);
}

interface ApiAlert {
  readonly labels: Record<string, string>;
  readonly annotations: { readonly summary?: string };
  readonly state: 'pending' | 'firing';
  readonly activeAt: string;
}

interface ApiRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

function connectTo(url: string): TestPrometheus {
  const ask = async <Data>(path: string): Promise<Data> => {
    const answer = (await (await fetch(`${url}/api/v1/${path}`)).json()) as { data: Data; error?: string };
    if (answer.error !== undefined) throw new Error(`Prometheus: ${answer.error}`);
    return answer.data;
  };
  return {
    async alerts() {
      const { alerts } = await ask<{ alerts: ApiAlert[] }>('alerts');
      return alerts.map(({ labels: { alertname = '', ...labels }, annotations, state, activeAt }) => {
        return { name: alertname, labels, state, summary: annotations.summary ?? '', activeAt: Date.parse(activeAt) };
      });
    },
    async query(expression) {
      const { result } = await ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(expression)}`,
      );
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    async isWatching() {
      const { activeTargets } = await ask<{ activeTargets: { health: string }[] }>('targets');
      const { groups } = await ask<{ groups: { rules: ApiRule[] }[] }>('rules');
      const rules = groups.flatMap((group) => group.rules);
      const failed = rules.find(({ health }) => health === 'err');
      if (failed !== undefined) throw new Error(`the rule ${failed.name} fails: ${failed.lastError}`);
      const isHealthy = ({ health }: { health: string }) => health === 'up' || health === 'ok';
      return activeTargets.length > 0 && [...activeTargets, ...rules].every(isHealthy);
    },
  };
}
