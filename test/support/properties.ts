import * as fc from 'fast-check';
import pLimit from 'p-limit';

/** Looking for a smaller counterexample ends here, and the smallest so far is told. */
const limitMs = 80_000;

/**
 * Checks a property over many random cases. A failure names the seed and the path of its smallest counterexample;
 * `FAST_CHECK_SEED=… FAST_CHECK_PATH=…` runs that one again, `FAST_CHECK_RUNS=20` makes twenty times as many.
 * @param runs cases, unless the environment asks for more
 */
export async function checkProperty<Case>(
  property: fc.IAsyncPropertyWithHooks<Case> | fc.IPropertyWithHooks<Case>,
  runs: number,
): Promise<void> {
  await fc.assert(property as fc.IAsyncPropertyWithHooks<Case>, {
    numRuns: runs * factor(),
    interruptAfterTimeLimit: limitMs * factor(),
    markInterruptAsFailure: true,
    includeErrorInReport: true,
    ...fromEnvironment(),
  });
}

/**
 * The same for cases that wait for answers: many at once. If one fails it is tried again alone, and made smaller.
 * @param check throws what is wrong; the number tells cases apart
 */
export async function checkManyAtOnce<Case>(
  arbitrary: fc.Arbitrary<Case>,
  check: (value: Case, index: number) => Promise<void>,
  { runs, atOnce }: { runs: number; atOnce: number },
): Promise<void> {
  let alone = 0;
  const property = fc.asyncProperty(arbitrary, (value) => check(value, alone++));
  const given = fromEnvironment();
  if (given.path !== undefined) return fc.assert(property, given);
  const { seed = Date.now() % 2 ** 31 } = given;
  const limit = pLimit(atOnce);
  const failures: { index: number; error: unknown }[] = [];
  await Promise.all(
    fc.sample(arbitrary, { seed, numRuns: runs * factor() }).map((value, index) =>
      limit(async () => {
        if (failures.length === 0) await check(value, index);
      }).catch((error: unknown) => failures.push({ index, error })),
    ),
  );
  const [failure] = failures;
  if (failure === undefined) return undefined;
  await fc.assert(property, {
    seed,
    path: String(failure.index),
    interruptAfterTimeLimit: limitMs,
    includeErrorInReport: true,
  });
  const reason = failure.error instanceof Error ? failure.error.message : String(failure.error);
  throw new Error(`seed ${seed}, case ${failure.index} fails only among others: ${reason}`);
}

function fromEnvironment(): { seed?: number; path?: string } {
  const { FAST_CHECK_SEED: seed, FAST_CHECK_PATH: path } = process.env;
  return { ...(seed === undefined ? {} : { seed: Number(seed) }), ...(path === undefined ? {} : { path }) };
}

function factor(): number {
  return Number(process.env['FAST_CHECK_RUNS'] ?? 1);
}
