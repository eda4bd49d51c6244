import type { GuardLimits } from '../../../shared/http/guard.ts';

/** What one client may cost. */
export interface HttpLimits extends GuardLimits {
  /** A request with its body has to be here by then. */
  readonly requestTimeoutMs: number;
  /** Its headers by then, counted from the start of a connection too. */
  readonly headersTimeoutMs: number;
  /** Longer than what balancers keep idle connections for, so that it is never this side that closes first. */
  readonly keepAliveTimeoutMs: number;
  /**
   * A connection on which nothing moves although a request is in flight, such as one whose client does not read, ends; after twice this
   * time if something was written in between.
   */
  readonly inactivityTimeoutMs: number;
  /** How often late clients are looked for: they live that much longer. */
  readonly checkEveryMs: number;
  /**
   * Connections at once; more are closed at once. An idle one costs about 15 kB (56 with TLS), one with a part of a request up to 66 kB; what is
   * longer is bounded together (`heldBytes`). Each is a file descriptor that Redis may need.
   */
  readonly maxConnections: number;
}

export const defaultHttpLimits: HttpLimits = {
  requestTimeoutMs: 15_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  inactivityTimeoutMs: 60_000,
  checkEveryMs: 2000,
  maxConnections: 16_000,
  connectionsPerCaller: 12_000,
  connectionsPerStranger: 16,
  strangers: 256,
  firstStrangers: 1024,
  newStrangersPerSecond: 100,
  newFirstStrangersPerSecond: 500,
  newPerStrangerPerSecond: 20,
  heldBytes: 33_554_432,
  // About a millisecond of work.
  pace: { requestsPerTurn: 8, everyMs: 0 },
};

/** All headers of a request together; more is 431. */
export const maxHeaderBytes = 16_384;
