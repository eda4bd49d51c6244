/** A code is valid for five minutes. What became of it is remembered for twice as long, so that none comes back to WeChat. */
export const codeRememberedMs = 600_000;
/** So long after the answer the same request gets the same: as long as clients repeat it. Later the code is just a used one. */
export const codeSharedMs = 15_000;
