import type { Sequelize, Transaction } from 'sequelize';

/** Who does something. */
export interface Actor {
  readonly osUser: string;
  readonly host: string;
  /** As whom or for whom, in their own words. */
  readonly byName?: string;
}

/**
 * What is done, for the audit log. Never put a secret, an skey or a key into it; nor whom it is about, but for `session revoke`, out of whose
 * target erasures take it.
 */
export interface AuditEntry {
  readonly actor: Actor;
  /** As the command is called: `app set`, `session revoke`, … */
  readonly action: string;
  /** To what: an appid, an open_id, … */
  readonly target?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

const lengths = { osUser: 100, host: 255, byName: 100, action: 50, target: 255, details: 10_000 } as const;

/**
 * Adds an entry to the audit log. In it the name of an erased person, and one that no row has any more, is replaced.
 * @param transaction of the change itself where there is one, so that neither is without the other
 */
export async function recordAudit(
  sequelize: Sequelize,
  { actor, action, target, details = {} }: AuditEntry,
  transaction?: Transaction,
): Promise<void> {
  const { osUser, host, byName } = actor;
  const detailsJson = JSON.stringify(details);
  await sequelize.query(
    `insert into cWaferAudit (at, os_user, host, by_name, action, target, details)
     values (utc_timestamp() + interval 8 hour, :osUser, :host, :byName, :action, :target, :details)`,
    {
      replacements: {
        osUser: osUser.slice(0, lengths.osUser),
        host: host.slice(0, lengths.host),
        byName: byName?.slice(0, lengths.byName) ?? null,
        action: action.slice(0, lengths.action),
        target: target?.slice(0, lengths.target) ?? null,
        details: detailsJson.length <= lengths.details ? detailsJson : '{"tooLong":true}',
      },
      ...(transaction === undefined ? {} : { transaction }),
    },
  );
}
