/**
 * Variables that make a program's clock differ: Date alone, as when somebody sets the machine's clock; timers and
 * performance.now() go on evenly, as they do then.
 */
export function shiftedClock(offsetMs: number): Record<string, string> {
  const module = `
    const RealDate = Date;
    globalThis.Date = class Date extends RealDate {
      constructor(...args) { args.length === 0 ? super(RealDate.now() + ${offsetMs}) : super(...args); }
      static now() { return RealDate.now() + ${offsetMs}; }
    };`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
}
