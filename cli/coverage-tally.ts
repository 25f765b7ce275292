import type { LogSource } from '../ingest/record.ts';
import type { SourceHour } from '../outputs/output.ts';
import type { ParsedEvent } from '../processors/parse/index.ts';

const HOUR_MS = 3_600_000;
/** Hours of one source; a line with a wild stamp takes one too, and a log of a hundred years has fewer than a million. */
const HOURS_MAX = 20_000;

interface Hour {
  lines: number;
  unparsed: number;
  lastMs: number;
}

/** Counts lines by source and hour of event time. Runs for every line: the hour before is nearly always the right one. */
export class CoverageTally {
  readonly #sources = new Map<number, Map<number, Hour>>();
  #source = -1;
  #index = Number.NaN;
  #hour: Hour | undefined;

  add(event: ParsedEvent): void {
    const { at } = event.stamp;
    const index = Math.floor(at / HOUR_MS);
    const { source } = event.line;
    if (source !== this.#source || index !== this.#index) {
      this.#source = source;
      this.#index = index;
      this.#hour = this.#hourOf(source, index);
    }
    const hour = this.#hour;
    if (hour === undefined) return;
    hour.lines++;
    if (event.dataset === 'unparsed') hour.unparsed++;
    if (at > hour.lastMs) hour.lastMs = at;
  }

  hoursOf(source: LogSource, format: string): readonly SourceHour[] {
    const { fingerprint: origin, name } = source;
    return [...(this.#sources.get(source.index) ?? [])]
      .sort(([a], [b]) => a - b)
      .map(([index, hour]) => ({ origin, source: name, format, hourMs: index * HOUR_MS, ...hour }));
  }

  #hourOf(source: number, index: number): Hour | undefined {
    if (!Number.isFinite(index)) return undefined;
    let hours = this.#sources.get(source);
    if (hours === undefined) {
      hours = new Map();
      this.#sources.set(source, hours);
    }
    let hour = hours.get(index);
    if (hour === undefined && hours.size < HOURS_MAX) {
      hour = { lines: 0, unparsed: 0, lastMs: Number.NEGATIVE_INFINITY };
      hours.set(index, hour);
    }
    return hour;
  }
}
