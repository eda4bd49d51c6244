import { ApiProblem } from './api/problem.ts';

/** What each operator may have a few of at once, so that one leaves places for others. In this process. */
export interface OwnPlaces {
  /**
   * @returns gives the place back; to be called once
   * @throws {ApiProblem} 429 own_streams_too_many
   */
  take(operatorId: number): () => void;
  /** Those of all. */
  count(): number;
}

/** @param detail what is said to who has so many already */
export function createOwnPlaces(most: number, detail: string): OwnPlaces {
  /** By operator: how many. */
  const taken = new Map<number, number>();
  return {
    take(operatorId) {
      const own = taken.get(operatorId) ?? 0;
      if (own >= most) throw new ApiProblem(429, 'own_streams_too_many', detail);
      taken.set(operatorId, own + 1);
      return () => {
        const left = (taken.get(operatorId) ?? 0) - 1;
        if (left > 0) taken.set(operatorId, left);
        else taken.delete(operatorId);
      };
    },
    count: () => [...taken.values()].reduce((sum, count) => sum + count, 0),
  };
}
