import type { EndpointAdministration } from '../../../shared/administration/endpoints.ts';
import { tellEndpointsChanged } from '../../../shared/administration/event-replay.ts';
import { lendRedis } from '../../../shared/administration/stores.ts';
import { createTargetRules } from '../../../shared/events/targets.ts';
import type { Administration } from '../administration.ts';

export function toEndpoints({ config, sequelize, appInfo, cipher, actor }: Administration): EndpointAdministration {
  return { sequelize, appInfo, cipher, actor, rules: createTargetRules(config.events.privateTargets) };
}

/** @param due the endpoint whose lanes are to try at once */
export function tellWorkers(administration: Administration, due?: string): Promise<unknown> {
  return tellEndpointsChanged(lendRedis(administration), due);
}
