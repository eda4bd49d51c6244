import type { ReceivedSpan } from './span-receiver.ts';

const width = 900;
const rowHeight = 26;
const labelWidth = 290;
const top = 40;
const barLeft = labelWidth + 10;
const barRight = width - 90;
const colours: Readonly<Record<string, string>> = { web: '#1565c0', worker: '#2e7d32' };
const indent = 14;

/** The spans of one trace as bars over time, each below the one that it is a part of. */
export function drawTrace(spans: readonly ReceivedSpan[]): string {
  const first = Math.min(...spans.map(({ startNs }) => Number(startNs)));
  const last = Math.max(...spans.map(({ endNs }) => Number(endNs)));
  const x = (ns: number) => barLeft + ((ns - first) / (last - first)) * (barRight - barLeft);
  const rows = inOrder(spans).map(({ span, depth }, index) => {
    const y = top + index * rowHeight;
    const [left, right] = [x(Number(span.startNs)), x(Number(span.endNs))];
    const ms = ((Number(span.endNs) - Number(span.startNs)) / 1e6).toFixed(1);
    return [
      `<text x="${10 + depth * indent}" y="${y + 17}">${span.name}</text>`,
      `<rect x="${left.toFixed(1)}" y="${y + 5}" width="${Math.max(right - left, 1.5).toFixed(1)}" height="${rowHeight - 10}" fill="${colours[String(span.resource['wafer.role'])]}"/>`,
      `<text x="${barRight + 10}" y="${y + 17}">${ms} ms</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top + spans.length * rowHeight + 10}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="22" fill="${colours['web']}">web</text>
<text x="50" y="22" fill="${colours['worker']}">worker</text>
${rows.join('\n')}
</svg>
`;
}

/** Each span after the one that it is a part of; parts of one by when they began. */
function inOrder(spans: readonly ReceivedSpan[]): { readonly span: ReceivedSpan; readonly depth: number }[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const visit = (parent: string | undefined, depth: number): { span: ReceivedSpan; depth: number }[] =>
    spans
      .filter(({ parentSpanId = '' }) => (parent === undefined ? !ids.has(parentSpanId) : parentSpanId === parent))
      .toSorted((one, other) => Number(one.startNs - other.startNs))
      .flatMap((span) => [{ span, depth }, ...visit(span.spanId, depth + 1)]);
  return visit(undefined, 0);
}
