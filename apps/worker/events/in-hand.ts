import type { ForgetOrder } from '../../../shared/erasure/forget-order.ts';
import type { StoredEvent } from '../../../shared/events/event.ts';

/** Events that were read to be sent, and wait for their turn. */
export interface InHand {
  /**
   * @param read what is forgotten while it is read is blank too
   * @param work looks at each event, by its index, when its turn comes: what was forgotten has the name ''
   */
  hold<Event extends StoredEvent, Result>(
    read: () => Promise<Event[]>,
    work: (events: Event[]) => Promise<Result>,
  ): Promise<Result>;
  /** Makes blank what is about these users. */
  forget(order: ForgetOrder): void;
}

export function createInHand(): InHand {
  const hands = new Set<{
    events: StoredEvent[];
    /** That came since reading began. */
    readonly orders: ForgetOrder[];
  }>();
  return {
    async hold<Event extends StoredEvent, Result>(
      read: () => Promise<Event[]>,
      work: (events: Event[]) => Promise<Result>,
    ) {
      const hand = { events: [] as StoredEvent[], orders: [] as ForgetOrder[] };
      hands.add(hand);
      try {
        const events = await read();
        hand.events = events;
        for (const order of hand.orders.splice(0)) blank(events, order);
        return await work(events);
      } finally {
        hands.delete(hand);
      }
    },
    forget(order) {
      for (const { events, orders } of hands) {
        if (events.length === 0) orders.push(order);
        else blank(events, order);
      }
    },
  };
}

function blank(events: StoredEvent[], { users }: ForgetOrder): void {
  const gone = new Set(users.flatMap(({ appid, openId }) => [`${appid}\0${openId}`, `\0${openId}`]));
  for (const [index, event] of events.entries())
    if (event.event !== 'user.erased' && gone.has(`${event.appid ?? ''}\0${event.openId}`))
      events[index] = { ...event, event: '', openId: null, sessionId: null, details: {} };
}
