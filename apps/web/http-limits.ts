/** What one client may cost. */
export interface HttpLimits {
  /** A request with its body has to be here by then. */
  readonly requestTimeoutMs: number;
  /** Its headers by then, counted from the start of a connection too. */
  readonly headersTimeoutMs: number;
  /** Longer than what balancers keep idle connections for, so that it is never this side that closes first. */
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves although a request is in flight, such as one whose client does not read, ends. */
  readonly inactivityTimeoutMs: number;
  /** How often late clients are looked for: they live that much longer. */
  readonly checkEveryMs: number;
  /** Connections at once; more are closed at once. Each costs about 10 kB, and a file descriptor that Redis may need. */
  readonly maxConnections: number;
}

export const defaultHttpLimits: HttpLimits = {
  requestTimeoutMs: 15_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  inactivityTimeoutMs: 60_000,
  checkEveryMs: 2000,
  maxConnections: 16_000,
};

/** All headers of a request together; more is 431. */
export const maxHeaderBytes = 16_384;
