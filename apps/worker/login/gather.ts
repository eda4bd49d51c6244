/** Runs work, and lets those whose work ends at about the same time go on in one turn of the event loop. */
export type Gather = <Result>(work: () => Promise<Result>) => Promise<Result>;

/**
 * WeChat answers one log-in at a time, and what each later step costs is mostly its share of a group: without this the first log-in of a
 * job goes on alone, and the others behind it in as many groups as chance has it. One with nobody else at work never waits.
 *
 * @param maxWaitMs one that is slow keeps the others no longer than this, whole milliseconds
 */
export function createGather(maxWaitMs: number): Gather {
  let atWork = 0;
  let arrived: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;

  const letGo = () => {
    clearTimeout(timer);
    timer = undefined;
    const all = arrived;
    arrived = [];
    for (const go of all) go();
  };

  return async (work) => {
    atWork++;
    try {
      return await work();
    } finally {
      atWork--;
      if (atWork === 0) letGo();
      else
        await new Promise<void>((resolve) => {
          arrived.push(resolve);
          timer ??= setTimeout(letGo, maxWaitMs);
        });
    }
  };
}
