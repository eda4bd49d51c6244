import { classifyRedisFailure, describeRedisReason } from '../../redis/failure.ts';
import { fault, type Finding } from './finding.ts';

interface Place {
  /** Of the finding: `redis` or `redis-cache`. */
  readonly group: string;
  /** host:port, or several of them. */
  readonly names: string;
  /** The variable that names it. */
  readonly variable: string;
}

/**
 * Why no command got through, in our words.
 * @param reason what the driver or the server said
 */
export function describeRedisFailure({ group, names, variable }: Place, reason: string): Finding {
  const check = `${group}.reachable`;
  const ping = `Try: ${redisCli(names)} ping`;
  const place = `Redis at ${names}`;
  const failure = classifyRedisFailure(reason);
  const why = describeRedisReason(reason);
  const found = (what: string, remedy: string, cause: string) => fault(check, what, remedy, cause);
  switch (failure) {
    case 'down':
      return found(
        `nothing listens at ${names} (ECONNREFUSED)`,
        `Start Redis, or correct ${variable}. ${ping}`,
        'redis_down',
      );
    case 'no_password':
    case 'password':
      return found(
        `${place}: ${why}`,
        `Correct user and password in ${variable}. Try: ${redisCli(names)} --askpass ping`,
        'redis_password',
      );
    case 'rights':
      return found(
        `${place}: ${why}: ${reason}`,
        `Give the user of ${variable} its rights: acl setuser <user> on ~* &* +@all -@admin -@dangerous +info`,
        'redis_rights',
      );
    case 'max_clients':
      return found(
        `${place}: ${why}`,
        `${redisCli(names)} config set maxclients 10000, and the same in redis.conf; who is there: client list. A web process has six connections and a worker about ten.`,
        'redis_max_clients',
      );
    case 'host':
      return found(`the host of ${names} has no address`, `Correct ${variable}, or the DNS.`, 'redis_host');
    case 'tls':
      return found(
        `TLS with ${names} fails: ${reason}`,
        `Correct the certificate (ca=… in ${variable}, or NODE_EXTRA_CA_CERTS, names a CA of your own), or the scheme in ${variable}.`,
        'redis_tls',
      );
    case 'silent':
    case 'loading':
      return found(
        `${names} does not answer (${reason}): packets get lost on the way, or the server hangs or is loading its data`,
        `Look at firewall and network between here and there, then whether the server is stopped, swaps, or runs a long script. ${ping}`,
        'redis_silent',
      );
    default:
      return found(
        `${names} does not do what it is asked to: ${reason}`,
        `Look at its log, or correct ${variable}. ${ping}`,
        'redis_failed',
      );
  }
}

export function redisCli(names: string): string {
  const [, host = names, port = '6379'] = /^(.+?):(\d+)/.exec(names) ?? [];
  return `redis-cli -h ${host} -p ${port}`;
}
