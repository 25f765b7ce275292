import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import type { Assessment, CandidateName } from '../../models/prediction/assess.ts';
import { html, type Markup } from '../markup.ts';
import { CANDIDATE_WORDS } from './tables.ts';

const WIDTH = 560;
const HEIGHT = 360;
const LEFT = 56;
const RIGHT = 16;
const TOP = 16;
const BOTTOM = 48;

const COLOURS: Readonly<Partial<Record<CandidateName, string>>> = {
  persistence: '#9a9a9a',
  rates: '#b58900',
  logistic: '#2aa198',
  trees: '#268bd2',
  lstm: '#d33682',
  ensemble: '#6c2eb9',
};

interface Axis {
  readonly label: string;
  readonly max: number;
}

/** A plot in a frame with axes from zero; `draw` gets the scales. */
function plot(
  title: string,
  xAxis: Axis,
  yAxis: Axis,
  draw: (x: (value: number) => number, y: (value: number) => number) => Markup,
  xTicks?: readonly { readonly at: number; readonly text: string }[],
): string {
  const x = scaleLinear([0, xAxis.max], [LEFT, WIDTH - RIGHT]);
  const y = scaleLinear([0, yAxis.max], [HEIGHT - BOTTOM, TOP]);
  const ticks = xTicks ?? x.ticks(6).map((at) => ({ at, text: String(at) }));
  return `${html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${y.ticks(6).map(
  (t) => html`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(t))}" y2="${round(y(t))}" stroke="#e5e5e5"/>
<text x="${LEFT - 6}" y="${round(y(t) + 4)}" text-anchor="end">${String(t)}</text>
`,
)}${ticks.map(
  (t) => html`<text x="${round(x(t.at))}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${t.text}</text>
`,
)}<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${xAxis.label}</text>
<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${yAxis.label}</text>
${draw(x, y)}
</svg>`}\n`;
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** Said against happened; the area of a dot grows with the attempts behind it. */
export function reliabilityPlot({ reliability }: Assessment): string {
  const most = Math.max(...reliability.map((b) => b.rows));
  return plot(
    'Reliability',
    { label: 'risk that was given', max: 1 },
    { label: 'share that failed', max: 1 },
    (x, y) => {
      const dots = reliability.map(
        (b) =>
          html`<circle cx="${round(x(b.said))}" cy="${round(y(b.happened))}" r="${round(3 + 9 * Math.sqrt(b.rows / most))}" fill="#6c2eb9" fill-opacity="0.7"><title>${b.rows} attempts</title></circle>
`,
      );
      return html`<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" stroke="#9a9a9a" stroke-dasharray="4 4"/>
${dots}`;
    },
  );
}

export function precisionRecallPlot({ curves }: Assessment): string {
  return plot('Precision and recall', { label: 'recall', max: 1 }, { label: 'precision', max: 1 }, (x, y) => {
    const path = line<{ readonly recall: number; readonly precision: number }>(
      (p) => round(x(p.recall)),
      (p) => round(y(p.precision)),
    );
    return html`${curves.map(
      (
        { name, points },
        i,
      ) => html`<path d="${path([...points]) ?? ''}" fill="none" stroke="${COLOURS[name] ?? '#333333'}" stroke-width="1.5"/>
<text x="${LEFT + 12}" y="${HEIGHT - BOTTOM - 10 - 15 * i}" fill="${COLOURS[name] ?? '#333333'}">${CANDIDATE_WORDS[name]}</text>
`,
    )}`;
  });
}

/** For each kind of failure the share that had a risk over the threshold; for successes that is the share of false alarms. */
export function kindsPlot({ kinds }: Assessment): string {
  const ticks = kinds.map((k, i) => ({ at: i + 0.5, text: `${KIND_WORDS[k.kind] ?? k.kind} (${k.rows})` }));
  return plot(
    'By kind of outcome',
    { label: 'how the attempt ended (attempts)', max: Math.max(1, kinds.length) },
    { label: 'share with a risk over the threshold', max: 1 },
    (x, y) =>
      html`${kinds.map(
        (k, i) =>
          html`<rect x="${round(x(i + 0.2))}" width="${round(x(0.6) - x(0))}" y="${round(y(k.found))}" height="${round(y(0) - y(k.found))}" fill="${k.kind === 'ok' ? '#9a9a9a' : '#6c2eb9'}"/>
`,
      )}`,
    ticks,
  );
}

export const KIND_WORDS: Readonly<Record<string, string>> = {
  timeout_tls: 'TLS timeout',
  timeout_auth: 'auth timeout',
  auth_failed: 'refused',
  other_failure: 'other failure',
  ok: 'went well',
};

/** What was said on average and what happened, week by week (or day by day). */
export function periodsPlot({ periods }: Assessment): string {
  const rateOf = (p: (typeof periods)[number]): number => p.scores.positives / p.scores.rows;
  const most = Math.max(0.01, ...periods.flatMap((p) => [p.meanRisk, rateOf(p)]));
  const bar = (x: number, width: number, y: number, base: number, colour: string): Markup =>
    html`<rect x="${round(x)}" width="${round(width)}" y="${round(y)}" height="${round(base - y)}" fill="${colour}"/>
`;
  return plot(
    'By time',
    { label: `${periods[0]?.length ?? 'week'} from (light: said, dark: happened)`, max: Math.max(1, periods.length) },
    { label: 'share that failed', max: Math.ceil(most * 120) / 100 },
    (x, y) =>
      html`${periods.map((p, i) => [
        bar(x(i + 0.15), x(0.33) - x(0), y(p.meanRisk), y(0), '#c9b3ea'),
        bar(x(i + 0.5), x(0.33) - x(0), y(rateOf(p)), y(0), '#6c2eb9'),
      ])}`,
    periods.map((p, i) => ({ at: i + 0.5, text: p.from.slice(5) })),
  );
}
