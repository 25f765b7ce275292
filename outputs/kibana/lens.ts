/** Panels as Lens visualisations. */
import { viewId } from './data-views.ts';
import type { Bucket, Metric, Panel, Threshold } from './panel.ts';
import type { SavedObject } from './saved-object.ts';

type Column = Readonly<Record<string, unknown>>;

export const lensId = (panel: Panel): string => `imapwhy-${panel.id}`;

export function lensOf(panel: Panel): SavedObject {
  const { columns, order } = columnsOf(panel);
  const layer = { columnOrder: order, columns, incompleteColumns: {}, ignoreGlobalFilters: false, sampling: 1 };
  return {
    id: lensId(panel),
    type: 'lens',
    attributes: {
      title: `${panel.title} [imapwhy]`,
      description: '',
      visualizationType: { metric: 'lnsMetric', chart: 'lnsXY', table: 'lnsDatatable' }[panel.kind],
      state: {
        adHocDataViews: {},
        internalReferences: [],
        datasourceStates: { formBased: { layers: { layer } }, textBased: { layers: {} } },
        filters: [],
        query: { language: 'kuery', query: panel.filter ?? '' },
        visualization: visualizationOf(panel),
      },
    },
    references: [{ id: viewId(panel.view), name: 'indexpattern-datasource-layer-layer', type: 'index-pattern' }],
  };
}

const bucketId = (i: number): string => `bucket${i}`;
const metricId = (i: number): string => `metric${i}`;

export function bucketsOf(panel: Panel): readonly Bucket[] {
  if (panel.kind === 'metric') return [];
  if (panel.kind === 'table') return panel.rows;
  return panel.split === undefined ? [panel.x] : [panel.split, panel.x]; // Lens nests the x axis in the split
}

export const metricsOf = (panel: Panel): readonly Metric[] =>
  panel.kind === 'metric' ? [panel.metric] : panel.metrics;

function columnsOf(panel: Panel): {
  readonly columns: Readonly<Record<string, Column>>;
  readonly order: readonly string[];
} {
  const columns: Record<string, Column> = {};
  for (const [i, bucket] of bucketsOf(panel).entries()) columns[bucketId(i)] = bucketColumn(bucket);
  for (const [i, metric] of metricsOf(panel).entries()) columns[metricId(i)] = metricColumn(metric);
  return { columns, order: Object.keys(columns) };
}

function bucketColumn(bucket: Bucket): Column {
  if (bucket.kind === 'time')
    return {
      dataType: 'date',
      isBucketed: true,
      label: '@timestamp',
      operationType: 'date_histogram',
      params: { dropPartials: false, includeEmptyRows: true, interval: 'auto' },
      scale: 'interval',
      sourceField: '@timestamp',
    };
  if (bucket.kind === 'filters')
    return {
      customLabel: true,
      dataType: 'string',
      isBucketed: true,
      label: bucket.label,
      operationType: 'filters',
      params: { filters: bucket.filters.map(({ label, query }) => ({ label, input: { language: 'kuery', query } })) },
      scale: 'ordinal',
    };
  return {
    customLabel: true,
    dataType: bucket.field.endsWith('.ip') ? 'ip' : 'string',
    isBucketed: true,
    label: bucket.label,
    operationType: 'terms',
    params: {
      exclude: [],
      excludeIsRegex: false,
      include: [],
      includeIsRegex: false,
      missingBucket: false,
      orderBy: { columnId: metricId(0), type: 'column' },
      orderDirection: 'desc',
      otherBucket: false,
      parentFormat: { id: 'terms' },
      size: bucket.size,
    },
    scale: 'ordinal',
    sourceField: bucket.field,
  };
}

const FORMATS = {
  number: undefined,
  percent: { id: 'percent', params: { decimals: 2 } },
  milliseconds: { id: 'duration', params: { decimals: 1, fromUnit: 'milliseconds', toUnit: 'asSeconds' } },
  bytes: { id: 'bytes', params: { decimals: 1 } },
};

function metricColumn(metric: Metric): Column {
  const format = FORMATS[metric.format ?? 'number'];
  return {
    customLabel: true,
    dataType: 'number',
    isBucketed: false,
    label: metric.label,
    operationType: metric.op,
    params: {
      ...(metric.op === 'percentile'
        ? { percentile: metric.percentile ?? 95 }
        : { emptyAsNull: metric.op !== 'count' }),
      ...(format === undefined ? {} : { format }),
    },
    scale: 'ratio',
    sourceField: metric.op === 'count' ? '___records___' : (metric.field ?? ''),
    ...(metric.filter === undefined ? {} : { filter: { language: 'kuery', query: metric.filter } }),
  };
}

function visualizationOf(panel: Panel): object {
  if (panel.kind === 'metric')
    return {
      layerId: 'layer',
      layerType: 'data',
      metricAccessor: metricId(0),
      ...(panel.thresholds === undefined ? {} : { palette: paletteOf(panel.thresholds) }),
    };
  const buckets = bucketsOf(panel).map((_, i) => bucketId(i));
  const metrics = metricsOf(panel).map((_, i) => metricId(i));
  if (panel.kind === 'table')
    return {
      layerId: 'layer',
      layerType: 'data',
      columns: [...buckets, ...metrics].map((columnId) => ({
        columnId,
        isTransposed: false,
        isMetric: metrics.includes(columnId),
      })),
      paging: { enabled: true, size: 20 },
      rowHeight: 'auto',
    };
  return {
    preferredSeriesType: panel.shape,
    fittingFunction: 'None',
    legend: { isVisible: panel.split !== undefined || metrics.length > 1, position: 'right' },
    valueLabels: 'hide',
    layers: [
      {
        layerId: 'layer',
        layerType: 'data',
        seriesType: panel.shape,
        accessors: metrics,
        xAccessor: buckets.at(-1),
        ...(panel.split === undefined ? {} : { splitAccessor: buckets[0] }),
      },
    ],
  };
}

/** Colours that people with colour blindness tell apart. */
const COLOURS = { normal: '#54B399', watch: '#6092C0', warning: '#D6BF57', alarm: '#E7664C' };

function paletteOf(thresholds: readonly Threshold[]): object {
  const colorStops = thresholds.map(({ from, level }) => ({ color: COLOURS[level], stop: from }));
  const stops = thresholds.map(({ level }, i) => ({
    color: COLOURS[level],
    stop: thresholds[i + 1]?.from ?? Number.MAX_SAFE_INTEGER,
  }));
  return {
    type: 'palette',
    name: 'custom',
    params: {
      name: 'custom',
      reverse: false,
      rangeType: 'number',
      rangeMin: thresholds[0]?.from ?? 0,
      rangeMax: null,
      progression: 'fixed',
      steps: thresholds.length,
      continuity: 'above',
      colorStops,
      stops,
    },
  };
}
