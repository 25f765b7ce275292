import { scaleLinear } from 'd3-scale';
import { area, curveStepAfter, stack } from 'd3-shape';
import { html, type Markup, NOTHING } from '../markup.ts';
import type { OverTime, SeriesName } from '../summary-document.ts';
import { clockText, dateText, durationText, plural, wholeNumber } from '../wording.ts';
import { axisLines, round, type TimeAxis } from './time-axis.ts';

type Bucket = OverTime['buckets'][number];

const FAILED: readonly SeriesName[] = ['network', 'server', 'client', 'security', 'unexplained'];

/** Attempts and, below on the same clock and a scale of their own, the failed ones by layer. */
export function overTimeCharts(series: OverTime, axis: TimeAxis): Markup {
  const width = durationText(series.bucket_seconds * 1000);
  const failed = series.buckets.reduce((sum, b) => sum + failedIn(b), 0);
  return html`
<figure>
<figcaption>Attempts <small>of legitimate users, in ${width} each</small></figcaption>
${areaChart(series, axis, ['attempts'], 70, 'Attempts over time')}
</figure>
<figure>
<figcaption>Failed attempts by layer <small>in ${width} each; own scale</small></figcaption>
${layerLegend(series)}
${failed === 0 ? html`<p class="muted">None failed.</p>` : areaChart(series, axis, FAILED, 130, 'Failed attempts over time, by layer')}
</figure>
${series.outside > 0 ? html`<p class="small muted">${plural(series.outside, 'attempt')} with time stamps far from all others (a wrong clock?) ${series.outside === 1 ? 'is' : 'are'} not drawn.</p>` : NOTHING}
${figuresTable(series)}`;
}

function failedIn(bucket: Bucket): number {
  return FAILED.reduce((sum, name) => sum + bucket[name], 0);
}

function layerLegend(series: OverTime): Markup {
  const present = FAILED.filter((name) => series.buckets.some((b) => b[name] > 0));
  return html`<ul class="legend">${present.map((name) => html`<li><span class="swatch fill-${name}"></span>${name}</li>`)}</ul>`;
}

function areaChart(
  series: OverTime,
  axis: TimeAxis,
  names: readonly SeriesName[],
  height: number,
  title: string,
): Markup {
  const { buckets } = series;
  const totals = buckets.map((b) => names.reduce((sum, name) => sum + b[name], 0));
  const most = Math.max(1, ...totals);
  const top = 14;
  const y = scaleLinear([0, most], [top + height, top]).nice(3);
  const ticks = y.ticks(3).filter((t) => t > 0 && Number.isInteger(t));
  const peak = buckets[totals.indexOf(most)];
  const description = peak
    ? `Highest: ${plural(most, 'attempt')} from ${dateText(peak.start)} ${clockText(peak.start)} UTC. The figures are in the table below.`
    : '';
  return html`<svg class="chart clock" height="${top + height + 22}" role="img" aria-label="${title}. ${description}">
<title>${title}</title><desc>${description}</desc>
${axisLines(axis, top, top + height, true)}
${ticks.map((t) => html`<line class="grid" x1="0" x2="100%" y1="${round(y(t))}" y2="${round(y(t))}"/>`)}
<svg x="0" y="${top}" width="100%" height="${height}" viewBox="0 0 100 ${height}" preserveAspectRatio="none">${areaPaths(buckets, series.bucket_seconds * 1000, axis, names, (v) => round(y(v) - top))}</svg>
<line class="base" x1="0" x2="100%" y1="${top + height}" y2="${top + height}"/>
${ticks.map((t) => html`<text x="-8" y="${round(y(t)) + 4}" text-anchor="end">${wholeNumber(t)}</text>`)}
${buckets.map((b, i) => hitArea(b, totals[i] ?? 0, names, series.bucket_seconds * 1000, axis, top, height))}
</svg>`;
}

/** Paths of a stacked step chart. A closing point at the end of the last bucket gives it its width. */
function areaPaths(
  buckets: readonly Bucket[],
  widthMs: number,
  axis: TimeAxis,
  names: readonly SeriesName[],
  y: (value: number) => number,
): Markup {
  const layers = stack<Bucket, SeriesName>()
    .keys(names)
    .value((b, name) => b[name])(buckets);
  return html`${layers.map((layer) => {
    const points = layer.map((p) => ({ ms: Date.parse(p.data.start), low: p[0], high: p[1] }));
    const last = points.at(-1);
    if (!last || points.every((p) => p.low === p.high)) return NOTHING;
    const path = area<{ ms: number; low: number; high: number }>()
      .x((p) => axis.position(p.ms))
      .y0((p) => y(p.low))
      .y1((p) => y(p.high))
      .curve(curveStepAfter)
      .digits(2)([...points, { ...last, ms: last.ms + widthMs }]);
    return html`<path class="fill-${layer.key}" d="${path ?? ''}"/>`;
  })}`;
}

/** Says the figures of a bucket to whoever points at it. */
function hitArea(
  b: Bucket,
  total: number,
  names: readonly SeriesName[],
  widthMs: number,
  axis: TimeAxis,
  top: number,
  height: number,
): Markup {
  if (total === 0) return NOTHING;
  const ms = Date.parse(b.start);
  const x = axis.position(ms);
  const parts =
    names.length > 1
      ? ` (${names
          .filter((n) => b[n] > 0)
          .map((n) => `${n} ${b[n]}`)
          .join(', ')})`
      : '';
  return html`<rect class="hit" x="${x}%" width="${round(axis.position(ms + widthMs) - x)}%" y="${top}" height="${height}"><title>${dateText(b.start)} ${clockText(b.start)}: ${wholeNumber(total)}${parts}</title></rect>`;
}

function figuresTable(series: OverTime): Markup {
  const rows = series.buckets.filter((b) => b.attempts > 0);
  return html`<details class="plain" data-long="1"><summary>The figures of both charts</summary>
<div class="scroll"><table><caption>Attempts and failures by start, UTC, in ${durationText(series.bucket_seconds * 1000)} each; times without attempts left out</caption>
<thead><tr><th scope="col">From</th><th scope="col" class="number">Attempts</th>${FAILED.map((n) => html`<th scope="col" class="number">${n}</th>`)}</tr></thead>
<tbody>${rows.map(
    (b) =>
      html`<tr><th scope="row" class="number">${dateText(b.start)} ${clockText(b.start)}</th><td class="number">${wholeNumber(b.attempts)}</td>${FAILED.map((n) => html`<td class="number">${b[n] === 0 ? '' : wholeNumber(b[n])}</td>`)}</tr>`,
  )}</tbody></table></div></details>`;
}
