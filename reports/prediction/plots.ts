import { line } from 'd3-shape';
import type { Assessment, CandidateName } from '../../models/prediction/assess.ts';
import { html, type Markup } from '../markup.ts';
import { BOTTOM, diagonal, HEIGHT, LEFT, plot, reliabilityDots, round } from '../plot.ts';
import { CANDIDATE_WORDS } from './tables.ts';

const COLOURS: Readonly<Partial<Record<CandidateName, string>>> = {
  persistence: '#9a9a9a',
  rates: '#b58900',
  logistic: '#2aa198',
  trees: '#268bd2',
  lstm: '#d33682',
  ensemble: '#6c2eb9',
};

/** Said against happened; the area of a dot grows with the attempts behind it. */
export function reliabilityPlot({ reliability }: Assessment): string {
  const most = Math.max(...reliability.map((b) => b.rows));
  return plot(
    'Reliability',
    { label: 'risk that was given', max: 1 },
    { label: 'share that failed', max: 1 },
    (x, y) => html`${diagonal(x, y)}${reliabilityDots(x, y, reliability, most, '#6c2eb9', 'attempts')}`,
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
