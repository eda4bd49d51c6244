/** What a flood is told to do; when it is over it sends back how many answers came. */
export interface FloodOrder {
  readonly kind: FloodKind;
  readonly port: number;
  readonly isSecure: boolean;
  /** The loopback address that it comes from. */
  readonly from: string;
  /** One whole request; {@link anyDigits} in it are others each time. */
  readonly request: string;
  readonly seconds: number;
}

/** `deaf`: as `pipelined`, and the answers are not read. */
export const floodKinds = ['pipelined', 'deaf', 'many connections', 'slow', 'half-closed', 'large heads'] as const;

export type FloodKind = (typeof floodKinds)[number];

/** What a request has for an id that nobody has asked for before. */
export const anyDigits = '#######';
