/** An address that has connections at present; of IPv6 a network of one client. */
export interface Peer {
  readonly key: string;
  readonly standing: Standing;
  connections: number;
  /** Of what it sent and is not answered yet, beside 4 kB of each connection. */
  heldBytes: number;
  /** The turn in which it last asked. */
  turn: number;
  /** Small requests in that turn. */
  inTurn: number;
}

/**
 * What an address may be: a `proxy`, which stands for many clients; a `caller`, which is on the list of those who may call (without a
 * list: everybody); or a `stranger`, for whom only the paths of operations are left.
 */
export type Standing = 'proxy' | 'caller' | 'stranger';

/** How many connections who may have at once. */
export interface PlaceLimits {
  readonly connectionsPerCaller: number;
  readonly connectionsPerStranger: number;
  /** Of all strangers together, before one of them gets a second connection, and in any case. */
  readonly strangers: number;
  readonly firstStrangers: number;
  /** New ones in a second, likewise, and of each. */
  readonly newStrangersPerSecond: number;
  readonly newFirstStrangersPerSecond: number;
  readonly newPerStrangerPerSecond: number;
}

export interface Places {
  /** @returns undefined if this address gets none at present. Whoever gets one gives it back with `leave`. */
  enter(address: string): Peer | undefined;
  leave(peer: Peer): void;
  /** The one that this address has a connection as. */
  find(address: string): Peer | undefined;
}

export function createPlaces(limits: PlaceLimits, standingOf: (address: string) => Standing): Places {
  const peers = new Map<string, Peer>();
  let strangers = 0;
  let second = 0;
  /** Connections that strangers opened in this second, by their key. */
  let opened = new Map<string, number>();
  let openedCount = 0;

  /** First connections of an address come before further ones; half of the rate for first ones is kept for addresses that opened none this second. */
  const isTooFast = (key: string, isFirst: boolean): boolean => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      second = now;
      opened = new Map();
      openedCount = 0;
    }
    const own = opened.get(key) ?? 0;
    const { newStrangersPerSecond, newFirstStrangersPerSecond, newPerStrangerPerSecond } = limits;
    const most = isFirst ? newFirstStrangersPerSecond / (own === 0 ? 1 : 2) : newStrangersPerSecond;
    if (own >= newPerStrangerPerSecond || openedCount >= most) return true;
    opened.set(key, own + 1);
    openedCount++;
    return false;
  };

  const mayEnter = ({ key, standing, connections }: Peer): boolean => {
    if (standing === 'proxy') return true;
    if (standing === 'caller') return connections < limits.connectionsPerCaller;
    const isFirst = connections === 0;
    const most = isFirst ? limits.firstStrangers : limits.strangers;
    return connections < limits.connectionsPerStranger && strangers < most && !isTooFast(key, isFirst);
  };

  return {
    enter(socketAddress) {
      const standing = standingOf(socketAddress);
      const key = keyOf(socketAddress, standing);
      const peer = peers.get(key) ?? { key, standing, connections: 0, heldBytes: 0, turn: 0, inTurn: 0 };
      if (!mayEnter(peer)) return undefined;
      if (peer.connections++ === 0) peers.set(key, peer);
      if (standing === 'stranger') strangers++;
      return peer;
    },
    leave(peer) {
      if (peer.standing === 'stranger') strangers--;
      if (--peer.connections === 0) peers.delete(peer.key);
    },
    find: (socketAddress) => peers.get(keyOf(socketAddress, standingOf(socketAddress))),
  };
}

/** With the standing: of one IPv6 network some may be on a list and others not. */
const keyOf = (address: string, standing: Standing): string => `${standing} ${networkOf(address)}`;

/** Who has one IPv6 address has 2^64 of them: the first half of it. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [plain = ''] = address.split('%', 1);
  const [before = '', after] = plain.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const rest = after === '' ? [] : after.split(':');
    groups.push(...Array.from({ length: 8 - groups.length - rest.length }, () => '0'), ...rest);
  }
  return groups.slice(0, 4).join(':');
}
