import { scaleLinear } from 'd3-scale';
import { html, type Markup } from './markup.ts';

const WIDTH = 560;
export const HEIGHT = 360;
export const LEFT = 56;
const RIGHT = 16;
const TOP = 16;
export const BOTTOM = 48;

interface Axis {
  readonly label: string;
  readonly max: number;
}

/** An SVG file: a plot in a frame with axes from zero; `draw` gets the scales. */
export function plot(
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

export const round = (value: number): number => Math.round(value * 10) / 10;

/** Where said and happened are the same. */
export const diagonal = (x: (value: number) => number, y: (value: number) => number): Markup =>
  html`<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" stroke="#9a9a9a" stroke-dasharray="4 4"/>
`;

/** Said against happened; the area of a dot grows with what is behind it, `most` at most. */
export function reliabilityDots(
  x: (value: number) => number,
  y: (value: number) => number,
  bins: readonly { readonly said: number; readonly happened: number; readonly rows: number }[],
  most: number,
  colour: string,
  unit: string,
): readonly Markup[] {
  return bins.map(
    (b) =>
      html`<circle cx="${round(x(b.said))}" cy="${round(y(b.happened))}" r="${round(3 + 9 * Math.sqrt(b.rows / most))}" fill="${colour}" fill-opacity="0.7"><title>${b.rows} ${unit}</title></circle>
`,
  );
}
