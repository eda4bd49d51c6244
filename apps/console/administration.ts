import type { Config } from '../../shared/config/config.ts';
import { createColumnCipher, type ColumnCipher } from '../../shared/keys/column-cipher.ts';
import type { Actor } from '../../shared/store/audit.ts';
import { defineAppInfo, defineSessionInfo, type AppInfo, type SessionInfo } from '../../shared/store/models.ts';
import type { Stores } from '../../shared/system/stores.ts';
import type { Who } from './accounts/who.ts';

/** What the functions of shared/administration work with, for one request. */
export interface Administration extends Pick<Stores, 'sequelize' | 'commands' | 'cacheRedis' | 'clock'> {
  readonly config: Config;
  /** For what opens connections of its own, as the doctor does. */
  readonly env: NodeJS.ProcessEnv;
  readonly appInfo: AppInfo;
  readonly sessionInfo: SessionInfo;
  readonly cipher: ColumnCipher;
  /** Who asks, for the audit log. */
  readonly actor: Actor;
}

/** @returns makes it for who asks, undefined: nobody yet, from an address */
export function createAdministration(
  { config, env }: { readonly config: Config; readonly env: NodeJS.ProcessEnv },
  { sequelize, commands, cacheRedis, clock }: Stores,
): (who: Pick<Who, 'name'> | undefined, address: string) => Administration {
  const opened = {
    config,
    env,
    sequelize,
    commands,
    cacheRedis,
    clock,
    appInfo: defineAppInfo(sequelize),
    sessionInfo: defineSessionInfo(sequelize),
    cipher: createColumnCipher(config.keys),
  };
  return (who, address) => ({ ...opened, actor: createActor(who?.name, address) });
}

/** For the audit log. @param name of the operator; undefined: nobody is known yet */
export function createActor(name: string | undefined, address: string): Actor {
  return { osUser: 'console', host: address, ...(name === undefined ? {} : { byName: `operator ${name}` }) };
}
