import fc from 'fast-check';

/**
 * Checks a property over many random cases. A failure names the seed and the path of its smallest counterexample;
 * `FAST_CHECK_SEED=… FAST_CHECK_PATH=…` runs that one again, `FAST_CHECK_RUNS=20` makes twenty times as many.
 * @param runs cases, unless the environment asks for more
 */
export async function checkProperty<Case>(
  property: fc.IAsyncPropertyWithHooks<Case> | fc.IPropertyWithHooks<Case>,
  runs: number,
): Promise<void> {
  const { FAST_CHECK_SEED: seed, FAST_CHECK_PATH: path, FAST_CHECK_RUNS: factor } = process.env;
  await fc.assert(property as fc.IAsyncPropertyWithHooks<Case>, {
    numRuns: runs * Number(factor ?? 1),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path }),
  });
}
