import type { SourceHour } from '../../outputs/output.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { clipKey, ownText } from '../counting/own-text.ts';
import { compareText } from '../counting/top-counter.ts';
import type { Names } from './names.ts';
import { localIso, type Week } from './week.ts';
import type { DataGaps, Silence, SourceCoverage } from './weekly-report.ts';

const HOUR_MS = 3_600_000;
const SOURCES_MAX = 500;
const MISSING_MAX = 64;
/** Fewer expected lines than this may be missing by chance: 1 in 500 million if each came alone, and they come in bursts. */
const EXPECTED_MIN = 20;
/** A single source must be silent for two hours: one hour can be the clock of a rotation. */
const SILENT_HOURS_MIN = 2;

interface Source {
  readonly hours: Map<number, number>;
  readonly formats: Map<string, number>;
  lines: number;
  unparsed: number;
  lastMs: number;
  wroteBefore: boolean;
}

/** What of the week the store can know: from the hours in which each source wrote, else from the attempts. */
export class DataGapTally {
  readonly #week: Week;
  readonly #sources = new Map<string, Source>();
  readonly #attempts = new Map<number, number>();
  readonly #missing = new Map<string, { enable: string; sessions: number }>();
  #incomplete = 0;
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(week: Week) {
    this.#week = week;
  }

  /** Any session of the week. */
  add(profile: Profile, failed: boolean): void {
    const startMs = Date.parse(profile.event.start);
    this.#see(startMs);
    increment(this.#attempts, this.#hourOf(startMs), 1);
    if (profile.tags.includes('incomplete') || profile.tags.includes('evicted')) this.#incomplete++;
    if (!failed) return;
    for (const missing of profile.imapwhy.cause.missing_sources) {
      const held = this.#missing.get(clipKey(missing.source));
      if (held !== undefined) held.sessions++;
      else if (this.#missing.size < MISSING_MAX)
        this.#missing.set(ownText(missing.source), { enable: missing.enable.slice(0, 500), sessions: 1 });
    }
  }

  /** An hour of a source, of this week or of those before it. */
  addCoverage(row: SourceHour): void {
    const name = seriesOf(row.source);
    let source = this.#sources.get(name);
    if (source === undefined) {
      if (this.#sources.size >= SOURCES_MAX) return;
      source = {
        hours: new Map(),
        formats: new Map(),
        lines: 0,
        unparsed: 0,
        lastMs: Number.NEGATIVE_INFINITY,
        wroteBefore: false,
      };
      this.#sources.set(ownText(name), source);
    }
    if (row.hourMs < this.#week.startMs) {
      source.wroteBefore = true;
      if (row.format !== '') increment(source.formats, row.format, row.lines);
      return;
    }
    source.lines += row.lines;
    source.unparsed += row.unparsed;
    source.lastMs = Math.max(source.lastMs, Math.min(row.lastMs, this.#week.endMs - 1));
    increment(source.hours, this.#hourOf(row.hourMs), row.lines);
    if (row.format !== '') increment(source.formats, row.format, row.lines);
    this.#see(Math.max(row.hourMs, this.#week.startMs));
    this.#see(Math.min(row.lastMs, this.#week.endMs - 1));
  }

  /** The last moment of which anything is known. */
  get endMs(): number {
    return Number.isFinite(this.#lastMs) ? this.#lastMs : this.#week.endMs;
  }

  build(names: Names): DataGaps {
    const known = [...this.#sources.values()].some((s) => s.hours.size > 0);
    const all = known ? this.#allHours() : this.#attempts;
    const seen = Number.isFinite(this.#firstMs);
    const silent = this.#silences(all, usualAt(all));
    return {
      data_start: seen ? this.#iso(this.#firstMs) : null,
      data_end: seen ? this.#iso(this.#lastMs) : null,
      hours_covered: seen ? this.#hourOf(this.#lastMs) - this.#hourOf(this.#firstMs) + 1 - hoursOf(silent) : 0,
      coverage_known: known,
      silent,
      sources: this.#sourceRows(all, names),
      missing: [...this.#missing]
        .map(([source, { enable, sessions }]) => ({ source, enable, sessions }))
        .sort((a, b) => b.sessions - a.sessions || compareText(a.source, b.source)),
      incomplete: this.#incomplete,
      unparsed: sum([...this.#sources.values()].map((s) => s.unparsed)),
      lines: sum([...this.#sources.values()].map((s) => s.lines)),
    };
  }

  #sourceRows(all: ReadonlyMap<number, number>, names: Names): readonly SourceCoverage[] {
    const rows: SourceCoverage[] = [];
    for (const [name, source] of this.#sources) {
      if (source.hours.size === 0 && !source.wroteBefore) continue;
      const hours = [...source.hours.keys()].sort((a, b) => a - b);
      const first = hours[0];
      rows.push({
        source: names.source(name),
        formats: [...source.formats].sort((a, b) => b[1] - a[1] || compareText(a[0], b[0])).map(([format]) => format),
        lines: source.lines,
        first: first === undefined ? '' : this.#iso(this.#hourStart(first)),
        last: first === undefined ? '' : this.#iso(source.lastMs),
        hours: hours.length,
        silent:
          first === undefined ? [] : this.#silences(source.hours, expectedFrom(source.hours, all), SILENT_HOURS_MIN),
        vanished: first === undefined,
      });
    }
    return rows.sort(
      (a, b) =>
        Number(b.vanished) - Number(a.vanished) ||
        b.silent.length - a.silent.length ||
        b.lines - a.lines ||
        compareText(a.source, b.source),
    );
  }

  /** Runs of hours without a line in which lines were to be expected. Only between the first and the last moment of the data. */
  #silences(
    hours: ReadonlyMap<number, number>,
    expectedAt: (hour: number) => number,
    hoursMin = 1,
  ): readonly Silence[] {
    if (!Number.isFinite(this.#firstMs)) return [];
    const found: Silence[] = [];
    const to = this.#hourOf(this.#lastMs);
    let from: number | undefined;
    let expected = 0;
    for (let hour = this.#hourOf(this.#firstMs); hour <= to + 1; hour++) {
      if (hour <= to && !hours.has(hour)) {
        from ??= hour;
        expected += expectedAt(hour);
        continue;
      }
      if (from !== undefined && expected >= EXPECTED_MIN && hour - from >= hoursMin) {
        const [start, end] = [this.#hourStart(from), this.#hourStart(hour)];
        found.push({ from: this.#iso(start), to: this.#iso(end), hours: hour - from });
      }
      from = undefined;
      expected = 0;
    }
    return found;
  }

  #allHours(): ReadonlyMap<number, number> {
    const all = new Map<number, number>();
    for (const { hours } of this.#sources.values()) for (const [hour, lines] of hours) increment(all, hour, lines);
    return all;
  }

  #see(ms: number): void {
    if (ms < this.#week.startMs || ms >= this.#week.endMs) return;
    this.#firstMs = Math.min(this.#firstMs, ms);
    this.#lastMs = Math.max(this.#lastMs, ms);
  }

  /** Hours since the beginning of the week. A zone off by half an hour moves rows of whole UTC hours by as much: good enough for a gap. */
  #hourOf(ms: number): number {
    return Math.floor((ms - this.#week.startMs) / HOUR_MS);
  }

  #hourStart(hour: number): number {
    return Math.min(this.#week.startMs + hour * HOUR_MS, this.#week.endMs);
  }

  #iso(ms: number): string {
    return localIso(ms, this.#week.zone);
  }
}

/** What all sources together usually write at this hour of the day: the median of the other days, 0 with fewer than two of them. */
function usualAt(all: ReadonlyMap<number, number>): (hour: number) => number {
  return (hour) => {
    const others = Array.from({ length: 7 }, (_, day) => all.get((hour % 24) + 24 * day) ?? 0)
      .filter((lines) => lines > 0)
      .sort((a, b) => a - b);
    return others.length < 2 ? 0 : (others[Math.floor((others.length - 1) / 2)] ?? 0);
  };
}

/** What a source would have written beside the others, by its share of all lines in the hours in which it wrote. */
function expectedFrom(own: ReadonlyMap<number, number>, all: ReadonlyMap<number, number>): (hour: number) => number {
  let mine = 0;
  let others = 0;
  for (const [hour, lines] of own) {
    mine += lines;
    others += (all.get(hour) ?? lines) - lines;
  }
  return (hour) => (others === 0 ? 0 : ((all.get(hour) ?? 0) * mine) / others);
}

/** One name for a log and its rotated and packed parts: `mail.log.2.gz`, `mail.log-20261124` and `mail.log` are one. */
export function seriesOf(source: string): string {
  return source.replace(/(?:\.(?:gz|zst|xz|bz2))+$/i, '').replace(/(?:[.-]\d{8}(?:[-T]?\d{1,6})?|\.\d{1,4})$/, '');
}

function increment<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

const hoursOf = (silences: readonly Silence[]): number => sum(silences.map((s) => s.hours));
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
