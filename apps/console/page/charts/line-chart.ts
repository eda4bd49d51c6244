import { LineChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { init, use, type EChartsType } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

/** One line. */
export interface Series {
  readonly name: string;
  /** A name of styles/tokens.css without its dashes, such as `series-1`. */
  readonly colour: string;
  /** Milliseconds since 1970 and the value; null: a gap. */
  readonly points: readonly (readonly [at: number, value: number | null])[];
  readonly isFilled?: boolean;
}

export interface ChartLook {
  readonly tellValue: (value: number) => string;
  readonly tellTime: (at: number) => string;
  /** On the axis, where there is little room. */
  readonly tellTick: (at: number) => string;
}

export function drawChart(place: HTMLElement): EChartsType {
  return init(place, undefined, { renderer: 'canvas' });
}

export function showSeries(
  chart: EChartsType,
  series: readonly Series[],
  { tellValue, tellTime, tellTick }: ChartLook,
): void {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string) => styles.getPropertyValue(`--${name}`).trim();
  const text = { color: colour('text-faint'), fontSize: 11, fontFamily: styles.getPropertyValue('--font') };
  chart.setOption(
    {
      animation: false,
      grid: { left: 8, right: 12, top: 10, bottom: 4, containLabel: true },
      xAxis: {
        type: 'time',
        axisLine: { lineStyle: { color: colour('line-strong') } },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: { ...text, hideOverlap: true, formatter: (at: number) => tellTick(at) },
      },
      yAxis: {
        type: 'value',
        min: 0,
        splitNumber: 3,
        minInterval: 0,
        axisLine: { show: false },
        splitLine: { lineStyle: { color: colour('line') } },
        axisLabel: { ...text, formatter: (value: number) => tellValue(value) },
      },
      tooltip: {
        trigger: 'axis',
        axisPointer: { lineStyle: { color: colour('line-strong') } },
        className: 'chart-tip',
        confine: true,
        transitionDuration: 0,
        // Elements instead of HTML: a style attribute in HTML is what the Content-Security-Policy forbids.
        formatter: (items: unknown) => describePoint(items as readonly TipItem[], tellTime, tellValue),
      },
      series: series.map(({ name, colour: its, points, isFilled }) => ({
        type: 'line',
        name,
        data: points,
        showSymbol: false,
        connectNulls: false,
        lineStyle: { width: 1.6, color: colour(its) },
        itemStyle: { color: colour(its) },
        ...(isFilled === true ? { areaStyle: { color: colour(its), opacity: 0.12 } } : {}),
      })),
    },
    { notMerge: true },
  );
}

interface TipItem {
  readonly seriesName: string;
  readonly color: string;
  readonly value: readonly [at: number, value: number | null];
}

function describePoint(
  items: readonly TipItem[],
  tellTime: ChartLook['tellTime'],
  tellValue: ChartLook['tellValue'],
): HTMLElement {
  const tip = document.createElement('div');
  const [first] = items;
  const head = document.createElement('p');
  head.textContent = first === undefined ? '' : tellTime(first.value[0]);
  tip.append(head);
  for (const { seriesName, color, value } of items) {
    const line = document.createElement('p');
    const dot = document.createElement('i');
    dot.style.background = color;
    const name = document.createElement('span');
    name.textContent = seriesName;
    const figure = document.createElement('b');
    figure.textContent = value[1] === null ? '–' : tellValue(value[1]);
    line.append(dot, name, figure);
    tip.append(line);
  }
  return tip;
}
