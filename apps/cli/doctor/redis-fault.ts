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
  if (/ECONNREFUSED/.test(reason)) {
    return fault(
      check,
      `nothing listens at ${names} (ECONNREFUSED)`,
      `Start Redis, or correct ${variable}. ${ping}`,
      'redis_down',
    );
  }
  if (/NOAUTH|WRONGPASS|invalid (username-)?password|without any password|NOPERM/i.test(reason)) {
    return fault(
      check,
      `Redis at ${names} refuses the user or the password`,
      `Correct user and password in ${variable}. Try: ${redisCli(names)} --askpass ping`,
      'redis_password',
    );
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) {
    return fault(check, `the host of ${names} has no address`, `Correct ${variable}, or the DNS.`, 'redis_host');
  }
  if (/CERT|SSL|TLS/i.test(reason)) {
    return fault(
      check,
      `TLS with ${names} fails: ${reason}`,
      `Correct the certificate (NODE_EXTRA_CA_CERTS names a CA of your own), or the scheme in ${variable}.`,
      'redis_tls',
    );
  }
  if (/^nothing within|ETIMEDOUT|timed? ?out|EHOSTUNREACH|ENETUNREACH/i.test(reason)) {
    return fault(
      check,
      `${names} does not answer (${reason}): packets get lost on the way, or the server hangs or is loading its data`,
      `Look at firewall and network between here and there, then whether the server is stopped, swaps, or runs a long script. ${ping}`,
      'redis_silent',
    );
  }
  return fault(
    check,
    `${names} does not do what it is asked to: ${reason}`,
    `Look at its log, or correct ${variable}. ${ping}`,
    'redis_failed',
  );
}

export function redisCli(names: string): string {
  const [, host = names, port = '6379'] = /^(.+?):(\d+)/.exec(names) ?? [];
  return `redis-cli -h ${host} -p ${port}`;
}
