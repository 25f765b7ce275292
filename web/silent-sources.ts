import type { SourceHour } from '../outputs/output.ts';
import { seriesOf } from '../reports/weekly/data-gaps.ts';

/** A log that went on for hours and then stopped, while others go on. */
export interface SilentSource {
  readonly source: string;
  readonly lastMs: number; // UTC epoch ms of its last line
  readonly linesAnHour: number; // until then
}

/** Fewer expected lines than this may be missing by chance: 1 in 500 million if each came alone, and they come in bursts. */
const EXPECTED_MIN = 20;
const SILENT_MS_MIN = 15 * 60_000;
const HOUR_MS = 3_600_000;
const SHOWN_MAX = 20;

/** `hours`: what each source wrote, hour by hour; `end`: the last moment of which anything is known, UTC epoch ms. The longest silent first. */
export function silentSources(hours: Iterable<SourceHour>, end: number): readonly SilentSource[] {
  const sources = new Map<string, { first: number; last: number; lines: number }>();
  for (const { source, hourMs, lines, lastMs } of hours) {
    const name = seriesOf(source);
    const known = sources.get(name);
    if (known) {
      known.first = Math.min(known.first, hourMs);
      known.last = Math.max(known.last, lastMs);
      known.lines += lines;
    } else sources.set(name, { first: hourMs, last: lastMs, lines });
  }
  const silent: SilentSource[] = [];
  for (const [source, { first, last, lines }] of sources) {
    const rate = lines / Math.max(last - first, HOUR_MS);
    const silentMs = end - last;
    if (silentMs >= SILENT_MS_MIN && rate * silentMs >= EXPECTED_MIN)
      silent.push({ source, lastMs: last, linesAnHour: rate * HOUR_MS });
  }
  return silent.sort((a, b) => a.lastMs - b.lastMs).slice(0, SHOWN_MAX);
}
