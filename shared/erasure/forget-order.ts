import { tellAll, type Obeyed } from '../redis/control.ts';
import { listAllThatMayAnswer } from '../redis/presence.ts';
import type { AppUser } from '../rpc/ledger-keys.ts';
import type { Seal } from '../rpc/seal.ts';
import type { ErasureStores } from './stores.ts';
import type { Traces } from './order.ts';

/** What every process is to drop from its memory. */
export interface ForgetOrder {
  /** Of sessions, on the wire. */
  readonly ids: readonly string[];
  readonly users: readonly AppUser[];
}

const purpose = 'forget person';

/** Tells all processes, and waits until they have forgotten. */
export function tellToForget({ commands, clock, seal }: ErasureStores, people: readonly Traces[]): Promise<Obeyed> {
  const order: ForgetOrder = {
    ids: people.flatMap(({ ids }) => ids),
    users: people.flatMap(({ users }) => users),
  };
  const person = seal.seal(purpose, JSON.stringify(order));
  return tellAll(commands, clock, { kind: 'forget-person', person }, listAllThatMayAnswer);
}

/** @throws if it is not ours */
export function readForgetOrder(seal: Seal, sealed: string): ForgetOrder {
  return JSON.parse(seal.open(purpose, sealed)) as ForgetOrder;
}
