import { scaleLinear } from 'd3-scale';
import { html, type Markup, NOTHING } from '../../markup.ts';
import { wholeNumber } from '../../wording.ts';
import type { Chart, DayBar } from '../page.ts';
import { LAYERS, type LayerName, type WeekRow } from '../weekly-report.ts';

type Drawing<Kind extends Chart['drawing']['kind']> = Extract<Chart['drawing'], { readonly kind: Kind }>;

/** Room for the labels of the axes, px. Horizontal places are per cent of the rest, so that text keeps its size on every width. */
const TOP = 16;
const HEIGHT = 150;
const BASE = TOP + HEIGHT;
const WHOLE = BASE + 24;

export function chartMarkup(chart: Chart): Markup {
  const { drawing } = chart;
  switch (drawing.kind) {
    case 'days':
      return daysChart(drawing, chart.title);
    case 'weeks':
      return weeksChart(drawing, chart.title);
    case 'calibration':
      return calibrationChart(drawing, chart.title);
    default:
      return drawing satisfies never;
  }
}

/** Failed attempts of each day, stacked by layer. */
function daysChart({ days, layers }: Drawing<'days'>, title: string): Markup {
  const most = Math.max(1, ...days.map(sumOf));
  const y = scaleLinear([0, most], [BASE, TOP]).nice(3);
  const ticks = y.ticks(3).filter((t) => t > 0 && Number.isInteger(t));
  const present = LAYERS.filter((layer) => days.some((d) => d[layer] > 0));
  return html`<ul class="legend">${present.map((layer) => html`<li><span class="swatch fill-${layer}"></span>${layers[layer]}</li>`)}</ul>
<svg class="chart clock" height="${WHOLE}" role="img" aria-label="${title}"><title>${title}</title>
${ticks.map((t) => gridLine(y(t), wholeNumber(t)))}
${days.map((day, i) => dayBar(day, i / days.length, 1 / days.length, present, layers, y))}
<line class="base" x1="0" x2="100%" y1="${BASE}" y2="${BASE}"/></svg>`;
}

function dayBar(
  day: DayBar,
  left: number,
  width: number,
  present: readonly LayerName[],
  layers: Readonly<Record<LayerName, string>>,
  y: (value: number) => number,
): Markup {
  let below = 0;
  const parts = present.map((layer) => {
    const [low, high] = [y(below), y(below + day[layer])];
    below += day[layer];
    if (low === high) return NOTHING;
    return html`<rect class="fill-${layer}" x="${percent(left + width * 0.18)}" width="${percent(width * 0.64)}" y="${round(high)}" height="${round(low - high)}"><title>${day.label}: ${layers[layer]} ${day[layer]}</title></rect>`;
  });
  const middle = percent(left + width / 2);
  return html`${parts}<text class="halo" x="${middle}" y="${round(y(below)) - 4}" text-anchor="middle">${day.attempts === 0 ? '–' : wholeNumber(below)}</text>
<text x="${middle}" y="${BASE + 15}" text-anchor="middle" class="wide">${day.label}</text>
<text x="${middle}" y="${BASE + 15}" text-anchor="middle" class="narrow">${day.short}</text>`;
}

/** Failure rate of each week with its interval, and what the objective allows. */
function weeksChart({ weeks, allowed }: Drawing<'weeks'>, title: string): Markup {
  const rates = weeks.flatMap((w) =>
    w.rate === null ? [] : [1 - w.rate, ...(w.interval ? [1 - w.interval.low] : [])],
  );
  const y = scaleLinear([0, 100 * Math.max(2 * allowed, ...rates)], [BASE, TOP]).nice(3);
  const at = (rate: number): number => round(y(100 * rate));
  return html`<svg class="chart clock" height="${WHOLE}" role="img" aria-label="${title}"><title>${title}</title>
${y
  .ticks(3)
  .filter((t) => t > 0)
  .map((t) => gridLine(y(t), `${Number(t.toPrecision(3))} %`))}
<line class="allowed" x1="0" x2="100%" y1="${at(allowed)}" y2="${at(allowed)}"/>
${weeks.map((week, i) => weekPoint(week, (i + 0.5) / weeks.length, i === weeks.length - 1, at))}
<line class="base" x1="0" x2="100%" y1="${BASE}" y2="${BASE}"/></svg>`;
}

function weekPoint(week: WeekRow, x: number, isNow: boolean, at: (rate: number) => number): Markup {
  const place = percent(x);
  const [year = '', number = ''] = week.name.split('-');
  const label = html`<text${isNow ? html` class="name"` : NOTHING} x="${place}" y="${BASE + 15}" text-anchor="middle"><tspan class="minor">${year}-</tspan>${number}</text>`;
  if (week.rate === null) return html`<text x="${place}" y="${BASE - 6}" text-anchor="middle">–</text>${label}`;
  const rate = 1 - week.rate;
  const whisker =
    week.interval === null
      ? NOTHING
      : html`<line class="whisker" x1="${place}" x2="${place}" y1="${at(1 - week.interval.low)}" y2="${at(1 - week.interval.high)}"/>`;
  return html`${whisker}<circle class="${isNow ? 'point now' : 'point'}" cx="${place}" cy="${at(rate)}" r="5"><title>${week.name}: ${Number((100 * rate).toPrecision(3))} %</title></circle>
<text class="halo" x="${place}" dx="10" y="${at(rate) - 5}">${Number((100 * rate).toPrecision(2))} %</text>${label}`;
}

/** What was said against what happened; on the diagonal both are the same. */
function calibrationChart({ bins, x, y }: Drawing<'calibration'>, title: string): Markup {
  const size = 240;
  const [left, bottom] = [44, 40];
  const across = scaleLinear([0, 1], [left, left + size]);
  const up = scaleLinear([0, 1], [10 + size, 10]);
  const most = Math.max(1, ...bins.map((b) => b.attempts));
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return html`<svg class="chart square" width="${left + size + 12}" height="${10 + size + bottom}" viewBox="0 0 ${left + size + 12} ${10 + size + bottom}" role="img" aria-label="${title}"><title>${title}</title>
${ticks.map((t) => html`<line class="grid" x1="${left}" x2="${left + size}" y1="${up(t)}" y2="${up(t)}"/><text x="${left - 6}" y="${up(t) + 4}" text-anchor="end">${100 * t}</text><text x="${across(t)}" y="${10 + size + 16}" text-anchor="middle">${100 * t}</text>`)}
<line class="allowed" x1="${across(0)}" y1="${up(0)}" x2="${across(1)}" y2="${up(1)}"/>
${bins.map((b) => html`<circle class="point now" cx="${round(across(b.said))}" cy="${round(up(b.happened))}" r="${round(3 + 9 * Math.sqrt(b.attempts / most))}"><title>${b.attempts}</title></circle>`)}
<text x="${left + size / 2}" y="${10 + size + 34}" text-anchor="middle">${x}</text>
<text transform="translate(11 ${10 + size / 2}) rotate(-90)" text-anchor="middle">${y}</text></svg>`;
}

function gridLine(y: number, label: string): Markup {
  return html`<line class="grid" x1="0" x2="100%" y1="${round(y)}" y2="${round(y)}"/><text x="-8" y="${round(y) + 4}" text-anchor="end">${label}</text>`;
}

const sumOf = (day: DayBar): number => LAYERS.reduce((sum, layer) => sum + day[layer], 0);
const percent = (share: number): string => `${round(share * 100)}%`;
const round = (n: number): number => Math.round(n * 100) / 100;
