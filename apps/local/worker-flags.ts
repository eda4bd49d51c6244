/**
 * What a worker's command line gives Node, since nothing can set it later. What log-ins hold while they wait for WeChat is young garbage soon:
 * in V8's usual 16 MB it is collected so often that a log-in lives through two collections and is garbage of the old kind, which costs
 * several times as much (docs/performance/experiments.md). Up to three times this many MB of memory.
 *
 * The same in package.json, ecosystem.config.js and docker-compose.yml.
 */
export const workerFlags: readonly string[] = ['--max-semi-space-size=64'];
