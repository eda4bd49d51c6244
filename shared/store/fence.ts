/** A fence further ahead of now than this comes from a clock that was wrong: it is no later log-in, and no later profile. */
export const fenceToleranceUs = 5_000_000;
