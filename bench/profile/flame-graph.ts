import type { Frame } from './cpu-profile.ts';

const width = 1400;
const rowHeight = 17;
const top = 30;
/** Narrower frames are left out. */
const leastWidth = 0.7;
const characterWidth = 6.6;

/** A flame graph, callers above what they call: a frame is as wide as its share of the time. */
export function renderFlameGraph(root: Frame, title: string): string {
  const frames: string[] = [];
  let deepest = 0;
  const draw = (frame: Frame, left: number, depth: number): void => {
    const frameWidth = (frame.totalUs / root.totalUs) * width;
    if (frameWidth < leastWidth) return;
    deepest = Math.max(deepest, depth);
    const y = top + depth * rowHeight;
    const share = ((frame.totalUs / root.totalUs) * 100).toFixed(1);
    const own = ((frame.selfUs / root.totalUs) * 100).toFixed(1);
    const label = escape(`${frame.name} (${frame.origin}) ${share} %, itself ${own} %`);
    const shown = escape(frame.name.slice(0, Math.floor((frameWidth - 4) / characterWidth)));
    frames.push(
      `<g><title>${label}</title><rect x="${left.toFixed(1)}" y="${y}" width="${frameWidth.toFixed(1)}" height="${rowHeight - 1}" fill="${colourOf(frame.origin)}"/>` +
        `<text x="${(left + 2).toFixed(1)}" y="${y + 12}">${shown}</text></g>`,
    );
    let childLeft = left;
    for (const child of [...frame.children].sort((one, other) => other.totalUs - one.totalUs)) {
      draw(child, childLeft, depth + 1);
      childLeft += (child.totalUs / root.totalUs) * width;
    }
  };
  draw(root, 0, 0);
  const height = top + (deepest + 1) * rowHeight + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="6" y="18" font-size="13">${escape(title)}</text>
${frames.join('\n')}
</svg>
`;
}

/** One colour for each origin: reds for ours, blues for Node, greens and yellows for packages. */
function colourOf(origin: string): string {
  let hash = 0;
  for (const char of origin) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
  const [from, range] = /^(apps|shared)\//.test(origin) ? [0, 25] : origin.startsWith('node:') ? [200, 40] : [45, 90];
  return `hsl(${from + (hash % range)} 70% ${70 + (hash % 12)}%)`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
