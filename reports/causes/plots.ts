import type { CauseScore, LayerScore, ReliabilityBin } from '../../models/cause/score.ts';
import { html } from '../markup.ts';
import { diagonal, LEFT, plot, reliabilityDots } from '../plot.ts';

const COLOURS: Readonly<Record<LayerScore['layer'], string>> = {
  network: '#268bd2',
  server: '#d33682',
  client: '#b58900',
  security: '#2aa198',
};

const SAID = { label: 'probability that was stated', max: 1 };
const RIGHT = { label: 'share that was right', max: 1 };

/** All answers that accuse. */
export function reliabilityPlot({ reliability }: CauseScore): string {
  return plot(
    'Reliability, held out',
    SAID,
    RIGHT,
    (x, y) =>
      html`${diagonal(x, y)}${reliabilityDots(x, y, dotsOf(reliability), mostOf(reliability), '#6c2eb9', 'answers')}`,
  );
}

/** The same by the layer that is accused; areas compare within a layer. */
export function layersPlot({ layers }: CauseScore): string {
  return plot(
    'Reliability by layer, held out',
    SAID,
    RIGHT,
    (x, y) =>
      html`${diagonal(x, y)}${layers.map(
        (
          { layer, n, reliability },
          i,
        ) => html`${reliabilityDots(x, y, dotsOf(reliability), mostOf(reliability), COLOURS[layer], `answers, ${layer}`)}<text x="${LEFT + 12}" y="${30 + 16 * i}" fill="${COLOURS[layer]}">${layer} (${n} answers)</text>
`,
      )}`,
  );
}

const dotsOf = (bins: readonly ReliabilityBin[]) =>
  bins.filter((b) => b.n > 0).map((b) => ({ said: b.said, happened: b.right, rows: b.n }));
const mostOf = (bins: readonly ReliabilityBin[]): number => Math.max(1, ...bins.map((b) => b.n));
