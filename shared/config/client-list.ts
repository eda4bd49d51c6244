import { BlockList, isIP } from 'node:net';

/** A set of networks. */
export interface ClientList {
  /** No network at all. What that means is for its user to say. */
  readonly isEmpty: boolean;
  /** @param address as a socket or a proxy names it; what is no address is in no network */
  has(address: string): boolean;
}

/** ::ffff:10.0.0.1, which is how a socket that listens on both families names an IPv4 client. */
const mapped = /^::ffff:(?<address>\d+\.\d+\.\d+\.\d+)$/i;
const mappedPrefixBits = 96;

/**
 * Parses a list of networks such as `10.0.0.0/8, 192.0.2.7, fd00::/8`; an address alone is a network of one.
 * @throws {TypeError} with every entry that is wrong
 */
export function parseClientList(text: string): ClientList {
  const networks = new BlockList();
  const entries = text.split(',').map((entry) => entry.trim());
  const wrong = entries.filter((entry) => !addNetwork(networks, entry));
  if (wrong.length > 0)
    throw new TypeError(
      `must be a list of networks such as 10.0.0.0/8,192.0.2.7,fd00::/8; not one: ${wrong.map((entry) => `"${entry}"`).join(', ')}`,
    );
  return { isEmpty: false, has: (address) => isIn(networks, address) };
}

export const noClients: ClientList = { isEmpty: true, has: () => false };

function addNetwork(networks: BlockList, entry: string): boolean {
  const [, given = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const ipv4 = mapped.exec(given)?.groups?.['address'];
  const address = ipv4 ?? given;
  const family = familyOf(address);
  if (family === undefined) return false;
  const widest = family === 'ipv4' ? 32 : 128;
  const prefix = bits === undefined ? widest : Number(bits) - (ipv4 === undefined ? 0 : mappedPrefixBits);
  if (prefix < 0 || prefix > widest) return false;
  networks.addSubnet(address, prefix, family);
  return true;
}

function isIn(networks: BlockList, address: string): boolean {
  // A link-local address of a socket names its interface as well: fe80::1%eth0.
  const [plain = ''] = address.split('%', 1);
  const ipv4 = mapped.exec(plain)?.groups?.['address'] ?? plain;
  const family = familyOf(ipv4);
  return family !== undefined && networks.check(ipv4, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  // isIP takes a zone, a BlockList does not.
  if (version === 0 || address.includes('%')) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}
