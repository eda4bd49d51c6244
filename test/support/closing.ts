/**
 * Where a resource registers its end: `t.teardown` for one test. For a whole file: make the resource with a top-level
 * await before the first test is declared, and close it in `test.after.always`.
 */
export type OnClose = (close: () => Promise<void>) => void;
