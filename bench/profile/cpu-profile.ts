import { readFileSync } from 'node:fs';

/** What `node --cpu-prof` writes, as far as it is used here. */
interface CpuProfileFile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds from each sample's predecessor, or from the start, to it. */
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
  readonly endTime: number;
}

/** A function as it was called from one place, with all that it called. */
export interface Frame {
  readonly name: string;
  /** The package or folder that the code belongs to. */
  readonly origin: string;
  /** Time in the function itself, in microseconds. */
  readonly selfUs: number;
  readonly totalUs: number;
  readonly children: readonly Frame[];
}

/**
 * Reads a profile without the time in which the process waited.
 * @param window what counts, in milliseconds before the process's end
 */
export function readCpuProfile(file: string, window: { fromMs: number; toMs: number }): Frame {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfileFile;
  const selfUs = new Map<number, number>();
  let now = profile.startTime;
  profile.samples.forEach((id, index) => {
    now += profile.timeDeltas[index] ?? 0;
    const beforeEndMs = (profile.endTime - now) / 1000;
    if (beforeEndMs > window.fromMs || beforeEndMs < window.toMs) return;
    selfUs.set(id, (selfUs.get(id) ?? 0) + (profile.timeDeltas[index + 1] ?? 0));
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const build = (id: number): Frame | undefined => {
    const node = nodes.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') return undefined;
    const children = (node.children ?? []).map(build).filter((child) => child !== undefined);
    const self = selfUs.get(id) ?? 0;
    const { functionName, url, lineNumber } = node.callFrame;
    return {
      name: functionName === '' ? `anonymous ${url.split('/').at(-1) ?? ''}:${lineNumber + 1}` : functionName,
      origin: originOf(functionName, url),
      selfUs: self,
      totalUs: children.reduce((sum, child) => sum + child.totalUs, self),
      children,
    };
  };
  const [root] = profile.nodes;
  const frame = root === undefined ? undefined : build(root.id);
  if (frame === undefined) throw new Error(`${file} holds no samples`);
  return frame;
}

function originOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (url.startsWith('node:internal/')) return `node:${url.split('/')[1]?.replace(/\.js$/, '') ?? ''}`;
  if (url.startsWith('node:')) return url;
  const packages = [...url.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)];
  const last = packages.at(-1)?.[1];
  if (last !== undefined) return last;
  return /dist\/((?:apps|shared)\/[^/]+)/.exec(url)?.[1] ?? (url === '' ? 'native' : url);
}

export function* walk(frame: Frame): Generator<Frame> {
  yield frame;
  for (const child of frame.children) yield* walk(child);
}
