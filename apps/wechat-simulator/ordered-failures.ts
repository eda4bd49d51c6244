import { failure, type WechatAnswer } from './wechat-answer.ts';

/** Failures that somebody has ordered for calls to come, by path. */
export class OrderedFailures {
  readonly #orders = new Map<string, { errcode: number; left: number }>();

  order(path: string, errcode: number, times: number): void {
    this.#orders.set(path, { errcode, left: times });
  }

  /** The failure for this call; undefined if none is ordered (any more). */
  take(path: string): WechatAnswer | undefined {
    const order = this.#orders.get(path);
    if (order === undefined || order.left === 0) return undefined;
    order.left--;
    return failure(order.errcode, 'as ordered');
  }

  reset(): void {
    this.#orders.clear();
  }
}
