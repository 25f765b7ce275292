import { scaleUtc } from 'd3-scale';
import { html, type Markup } from '../markup.ts';
import type { OverTime, Period } from '../summary-document.ts';
import { clockText, dateText } from '../wording.ts';

/**
 * The clock that all time charts of the report share. Positions are per cent of the width, so that a chart follows the width of the page
 * while its text keeps its size.
 */
export interface TimeAxis {
  readonly startMs: number;
  readonly endMs: number;
  /** 0 to 100; outside times are moved to the ends. */
  position(ms: number): number;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
}

/** Undefined when there is nothing to draw. */
export function timeAxis(period: Period, series: OverTime): TimeAxis | undefined {
  const first = series.buckets[0];
  const last = series.buckets.at(-1);
  if (!first || !last || period.start === null || period.end === null) return undefined;
  const startMs = Date.parse(first.start);
  const endMs = Math.max(
    Date.parse(last.start) + series.bucket_seconds * 1000,
    Math.min(Date.parse(period.end), startMs + 400 * 365 * 86_400_000),
  );
  const scale = scaleUtc([startMs, endMs], [0, 100]).clamp(true);
  const days = dateText(first.start) !== dateText(new Date(endMs).toISOString());
  return {
    startMs,
    endMs,
    position: (ms) => round(Number.isFinite(ms) ? scale(ms) : 0),
    ticks: scale
      .ticks(8)
      .map((date) => ({ at: round(scale(date)), label: tickLabel(date.toISOString(), days, endMs - startMs) })),
  };
}

function tickLabel(iso: string, days: boolean, spanMs: number): string {
  const clock = clockText(iso);
  if (!days) return clock;
  const day = dateText(iso).replace(/ \d+$/, '');
  if (spanMs > 700 * 86_400_000) return dateText(iso).replace(/^\d+ /, '');
  return clock === '00:00' ? day : spanMs > 5 * 86_400_000 ? `${day} ${clock}` : clock;
}

/** Vertical lines from `top` to `bottom`, with the times under them when `labels` is set. */
export function axisLines(axis: TimeAxis, top: number, bottom: number, labels: boolean): Markup {
  return html`${axis.ticks.map(
    (tick) => html`<line class="grid" x1="${tick.at}%" x2="${tick.at}%" y1="${top}" y2="${bottom}"/>`,
  )}${labels ? axis.ticks.map((tick, i) => axisLabel(tick, i, bottom + 15)) : ''}`;
}

function axisLabel(tick: { readonly at: number; readonly label: string }, index: number, y: number): Markup {
  const anchor = tick.at < 3 ? 'start' : tick.at > 97 ? 'end' : 'middle';
  return html`<text class="${index % 2 === 0 ? 'major' : 'minor'}" x="${tick.at}%" y="${y}" text-anchor="${anchor}">${tick.label}</text>`;
}

export function round(n: number): number {
  return Math.round(n * 100) / 100;
}
