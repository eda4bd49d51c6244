/**
 * Does work for all who ask at once, and for who asks within this time of its start; so a flood of questions is one piece of work a second.
 * @param lastsMs asked anew each time, since how long an answer is good may depend on it
 */
export function shareAnswer<Value>(
  work: () => Promise<Value>,
  lastsMs: () => number = () => 1000,
): () => Promise<Value> {
  let answer: Promise<Value> | undefined;
  let isDone = false;
  let startedAt = 0;
  return () => {
    const now = performance.now();
    if (answer !== undefined && (!isDone || now - startedAt < lastsMs())) return answer;
    isDone = false;
    startedAt = now;
    answer = work().finally(() => (isDone = true));
    return answer;
  };
}
