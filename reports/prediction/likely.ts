import type { Likely } from '../../models/prediction/outlook.ts';
import { terminalText } from '../clean-text.ts';

/** The clients that are likely to fail in the next 15 minutes, for a terminal; nothing when there are none. */
export function likelyText(likely: readonly Likely[], at: number, most: number): string {
  if (likely.length === 0) return '';
  const lines = likely
    .slice(0, most)
    .flatMap((l) => [
      `  ${terminalText(l.client)}: would fail with ${Math.round(100 * l.risk)} %, tries within 15 minutes with ${Math.round(100 * l.tries)} %`,
      ...l.reasons.map((r) => `    ${terminalText(r.what)}`),
    ]);
  const more = likely.length > most ? [`  and ${likely.length - most} more, in likely-to-fail.json`] : [];
  return `${['', `Likely to fail in the 15 minutes after ${new Date(at).toISOString()}, where the logs end`, ...lines, ...more].join('\n')}\n`;
}
