import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { ClientList } from '../config/client-list.ts';

/** Where events may be sent: no request is to lead inside. */
export interface TargetRules {
  /** @param protocol as in a URL, `https:` */
  readonly accepts: (address: string, protocol: string) => boolean;
  /** What is wrong with an address of an endpoint; undefined: nothing that can be seen without looking up its name. */
  readonly findFault: (url: string) => string | undefined;
}

/**
 * To public addresses by https; to those of the given networks by http as well.
 * @param privateTargets EVENTS_PRIVATE_TARGETS
 */
export function createTargetRules(privateTargets: ClientList): TargetRules {
  const accepts = (address: string, protocol: string) =>
    privateTargets.has(address) || (protocol === 'https:' && isPublic(address));
  return {
    accepts,
    findFault(text) {
      if (!URL.canParse(text)) return 'is no URL';
      const url = new URL(text);
      if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https://';
      if (url.username !== '' || url.password !== '' || url.hash !== '')
        return 'must hold neither user nor password nor #';
      if (text.length > maxUrlLength) return `must have at most ${maxUrlLength} characters`;
      if (url.protocol === 'http:' && privateTargets.isEmpty)
        return 'must begin with https://; http:// is for networks that EVENTS_PRIVATE_TARGETS names';
      const host = url.hostname.replace(/^\[|\]$/g, '');
      return isIP(host) === 0 || accepts(host, url.protocol)
        ? undefined
        : 'leads to an address that is not public; EVENTS_PRIVATE_TARGETS may name its network';
    },
  };
}

const maxUrlLength = 2000;

/** Addresses of the Internet: not of this machine, a private network, a carrier, an example, a tunnel or a group. */
function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // One of IPv4 that is written as one of IPv6 counts as what it is.
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || parsed.match(globalUnicast);
}

/** All that is given out of IPv6 so far. */
const globalUnicast = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];
