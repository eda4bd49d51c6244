import { ApiProblem } from '../api/problem.ts';

/** The steps that a span of time is shown in. */
export interface Steps {
  readonly stepSeconds: number;
  /** Seconds since 1970 at which each begins; at least one. */
  readonly starts: readonly number[];
}

/** As many as a page is wide, or so. */
const usualSteps = 360;
const mostSteps = 1500;
const hourSeconds = 3600;
const daySeconds = 86_400;
const niceSteps = [60, 300, 900, 1800, 3600, 7200, 14_400, 43_200, daySeconds];

/**
 * All times are seconds since 1970.
 *
 * @throws {ApiProblem} 400 span_invalid
 */
export function chooseSteps(
  {
    from,
    to,
    step,
  }: { readonly from?: number | undefined; readonly to?: number | undefined; readonly step?: number | undefined },
  nowSeconds: number,
): Steps {
  const end = to ?? nowSeconds;
  const begin = from ?? end - hourSeconds;
  if (begin >= end) throw new ApiProblem(400, 'span_invalid', '`from` has to be before `to`.');
  const stepSeconds = step ?? niceSteps.find((each) => (end - begin) / each <= usualSteps) ?? daySeconds;
  // Each begins where it would for everybody.
  const first = Math.floor(begin / stepSeconds) * stepSeconds;
  const count = Math.ceil((end - first) / stepSeconds);
  if (count > mostSteps)
    throw new ApiProblem(400, 'span_invalid', `That is ${count} steps, more than ${mostSteps}: ask for longer steps.`);
  return { stepSeconds, starts: Array.from({ length: count }, (_, index) => first + index * stepSeconds) };
}
