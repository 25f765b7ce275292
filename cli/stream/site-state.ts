import type { RecordToSend } from '../../ingest/kafka/port.ts';
import type { ForecastChanges, ForecastCore, StoredForecast } from '../../models/prediction/forecast.ts';
import { arrayOf, chunks } from './chunks.ts';
import type { SitePartitionState } from './site-partition.ts';

/**
 * The site's state as records of a compacted topic: its long lists cut into pieces, so that no record is too large, and one record that says
 * how many pieces each has; pieces of an earlier, larger state beyond that count for nothing. What predictions know of each client, network, server
 * and tunnel is a record of its own, written where it changed.
 */
const INDEX = 'index';

interface Index {
  /** Everything but the long lists, which are empty in it. */
  readonly rest: string;
  /** By path of a long list, how many pieces it has. */
  readonly pieces: readonly (readonly [string, number])[];
  readonly forecast?: StoredCore | undefined;
}

interface StoredCore {
  readonly core: ForecastCore;
  /** When this history began: records of an earlier one, from before a time without a model, count for nothing. */
  readonly since: string;
}

export interface StoredSite {
  readonly state: SitePartitionState;
  readonly forecast: StoredForecast | undefined;
}

const OF_FORECAST = 'forecast ';

/** Lists shorter than this stay where they are. */
const LONG = 200;

export function writeSiteState(
  state: SitePartitionState,
  forecast: ForecastChanges | undefined,
  topic: string,
): readonly RecordToSend[] {
  const out: RecordToSend[] = [];
  const pieces: [string, number][] = [];
  const rest = JSON.stringify(state, function (this: unknown, key, value: unknown) {
    if (!Array.isArray(value) || value.length < LONG) return value;
    const path = `${pieces.length} ${key}`;
    const cut = chunks(value.map((item) => JSON.stringify(item) ?? 'null'));
    cut.forEach((piece, i) => {
      out.push({ topic, partition: 0, key: Buffer.from(`${path} ${i}`), value: Buffer.from(arrayOf(piece)) });
    });
    pieces.push([path, cut.length]);
    return { cut: path };
  });
  const index: Index = { rest, pieces, forecast: forecast && { core: forecast.core, since: forecast.since } };
  for (const [key, text] of forecast?.entries ?? []) {
    const value = text === undefined ? null : Buffer.from(`${forecast?.since} ${text}`);
    out.push({ topic, partition: 0, key: Buffer.from(`${OF_FORECAST}${key}`), value });
  }
  out.push({ topic, partition: 0, key: Buffer.from(INDEX), value: Buffer.from(JSON.stringify(index)) });
  return out;
}

export function readSiteState(records: ReadonlyMap<string, Buffer>): StoredSite | undefined {
  const written = records.get(INDEX);
  if (!written) return undefined;
  const index: Index = JSON.parse(written.toString('utf8'));
  const lists = new Map<string, readonly unknown[]>();
  for (const [path, count] of index.pieces) {
    const list: unknown[] = [];
    for (let i = 0; i < count; i++) {
      const piece = records.get(`${path} ${i}`);
      if (!piece) throw new Error(`the state of the site lacks piece ${i} of ${count} of ${path}`);
      const items: readonly unknown[] = JSON.parse(piece.toString('utf8'));
      for (const item of items) list.push(item);
    }
    lists.set(path, list);
  }
  const state: SitePartitionState = JSON.parse(index.rest, (_, value) => {
    const path: unknown = value !== null && typeof value === 'object' && 'cut' in value ? value.cut : undefined;
    return typeof path === 'string' ? (lists.get(path) ?? value) : value;
  });
  return {
    state,
    forecast: index.forecast && { ...index.forecast, entries: entriesOf(records, index.forecast.since) },
  };
}

function entriesOf(records: ReadonlyMap<string, Buffer>, since: string): readonly (readonly [string, string])[] {
  const entries: [string, string][] = [];
  for (const [key, value] of records) {
    if (!key.startsWith(OF_FORECAST)) continue;
    const text = value.toString('utf8');
    const space = text.indexOf(' ');
    if (text.slice(0, space) === since) entries.push([key.slice(OF_FORECAST.length), text.slice(space + 1)]);
  }
  return entries;
}
