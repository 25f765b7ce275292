import type { Level } from './indicators.ts';
import { html, type Markup } from './markup.ts';

/** A shape for each level, so that it does not hang on colour. */
export function levelMark(level: Level): Markup {
  const shape =
    level === 'normal'
      ? html`<circle cx="5" cy="5" r="4.5"/>`
      : level === 'alarm'
        ? html`<rect x="0.5" y="0.5" width="9" height="9"/>`
        : html`<path d="M5 0.5 9.7 9.5H0.3Z"/>`;
  return html`<svg viewBox="0 0 10 10" aria-hidden="true">${shape}</svg>`;
}
