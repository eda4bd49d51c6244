import { z } from 'zod';

import type { SimulatorOptions } from './simulator.ts';

const appsSchema = z.string().transform((list, context) => {
  const apps = new Map<string, string>();
  for (const pair of list.split(',').map((part) => part.trim())) {
    const [appid, secret, ...rest] = pair.split(':');
    if (!appid || !secret || rest.length > 0) {
      // Not the pair itself: it may hold a secret.
      context.addIssue({ code: 'custom', message: 'expected appid:secret, with a comma between two pairs' });
      return z.NEVER;
    }
    apps.set(appid, secret);
  }
  return apps;
});

const environmentSchema = z.object({
  WECHAT_SIMULATOR_PORT: z.coerce.number().int().min(0).max(65535).default(18080),
  HOST: z.string().min(1).default('127.0.0.1'),
  SIM_APPS: appsSchema.optional(),
  SIM_ENCRYPT_KEY_METHOD: z.enum(['POST', 'GET']).optional(),
  LATENCY_MS: z.coerce.number().int().min(0).max(600_000).default(0),
});

/** Reads the simulator's variables; empty ones count as missing. Throws one error that lists all faults. */
export function parseEnvironment(env: NodeJS.ProcessEnv): SimulatorOptions {
  const result = environmentSchema.safeParse(
    Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')),
  );
  if (!result.success) {
    throw new Error(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'));
  }
  const {
    WECHAT_SIMULATOR_PORT: port,
    HOST: host,
    SIM_APPS: apps,
    SIM_ENCRYPT_KEY_METHOD: encryptKeyMethod,
    LATENCY_MS: latencyMs,
  } = result.data;
  return { port, host, latencyMs, ...(apps && { apps }), ...(encryptKeyMethod && { encryptKeyMethod }) };
}
