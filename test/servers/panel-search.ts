/** A panel as the search that Kibana makes of it: its KQL as a query, its buckets and metrics as aggregations. */
import { bucketsOf, metricsOf } from '../../outputs/kibana/lens.ts';
import type { Bucket, Metric, Panel } from '../../outputs/kibana/panel.ts';

export function searchOf(panel: Panel): object {
  const metrics: Record<string, object> = {};
  for (const [i, metric] of metricsOf(panel).entries()) metrics[`metric${i}`] = metricAggregation(metric);
  let aggs: object = metrics;
  for (const bucket of [...bucketsOf(panel)].reverse()) aggs = { bucket: { ...bucketAggregation(bucket), aggs } };
  return { size: 0, track_total_hits: true, query: kql(panel.filter), aggs };
}

export const kql = (query: string | undefined): object =>
  query === undefined || query === '' ? { match_all: {} } : { kql: { query } };

function bucketAggregation(bucket: Bucket): object {
  if (bucket.kind === 'time') return { date_histogram: { field: '@timestamp', fixed_interval: '5m' } };
  if (bucket.kind === 'terms') return { terms: { field: bucket.field, size: bucket.size } };
  const filters = Object.fromEntries(bucket.filters.map(({ label, query }) => [label, kql(query)]));
  return { filters: { filters } };
}

function metricAggregation(metric: Metric): object {
  const value = { field: metric.field };
  const inner =
    metric.op === 'count'
      ? undefined
      : metric.op === 'average'
        ? { avg: value }
        : metric.op === 'unique_count'
          ? { cardinality: { ...value, precision_threshold: 3000 } }
          : metric.op === 'percentile'
            ? { percentiles: { ...value, percents: [metric.percentile ?? 95] } }
            : { [metric.op]: value };
  return { filter: kql(metric.filter), ...(inner === undefined ? {} : { aggs: { value: inner } }) };
}

/** One row of the answer: the keys of its buckets, and its metrics (null: nothing to calculate from). */
export interface Row {
  readonly keys: readonly string[];
  readonly values: readonly (number | null)[];
}

export function rowsOf(panel: Panel, answer: unknown): readonly Row[] {
  const count = metricsOf(panel).length;
  const walk = (at: Aggregations, keys: readonly string[], depth: number): readonly Row[] => {
    if (depth === 0)
      return [
        { keys, values: Array.from({ length: count }, (_, i) => metricValue(at[`metric${i}`], metricsOf(panel)[i])) },
      ];
    const buckets = at.bucket?.buckets ?? [];
    return buckets.flatMap((b) =>
      walk(b as unknown as Aggregations, [...keys, b.key_as_string ?? String(b.key)], depth - 1),
    );
  };
  return walk((answer as { aggregations: Aggregations }).aggregations, [], bucketsOf(panel).length);
}

interface Aggregation {
  readonly doc_count?: number;
  readonly value?: { readonly value?: number | null; readonly values?: Readonly<Record<string, number | null>> };
  readonly buckets?: readonly { readonly key: unknown; readonly key_as_string?: string }[];
}
type Aggregations = Readonly<Record<string, Aggregation | undefined>>;

function metricValue(aggregation: Aggregation | undefined, metric: Metric | undefined): number | null {
  if (metric?.op === 'count') return aggregation?.doc_count ?? null;
  if (metric?.op === 'percentile') return Object.values(aggregation?.value?.values ?? {})[0] ?? null;
  return aggregation?.value?.value ?? null;
}
