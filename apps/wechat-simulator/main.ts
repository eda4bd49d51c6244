import { parseEnvironment } from './environment.ts';
import { createSimulator } from './simulator.ts';

try {
  const options = parseEnvironment(process.env);
  const simulator = await createSimulator(options);
  const apps = options.apps ? [...options.apps.keys()].join(', ') : 'any';
  console.log(`The simulated WeChat listens on ${simulator.url}; apps: ${apps}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.close());
} catch (error) {
  console.error(`The simulated WeChat cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
