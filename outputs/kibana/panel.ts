/** What a panel shows, in our words; `lens.ts` says it in Kibana's, and the tests in those of a search. */
import type { ViewName } from './data-views.ts';

export interface Metric {
  readonly label: string;
  readonly op: 'count' | 'average' | 'sum' | 'max' | 'unique_count' | 'percentile';
  readonly field?: string; // none for count
  readonly percentile?: number;
  readonly filter?: string; // KQL: only the documents that this metric counts
  readonly format?: 'number' | 'percent' | 'milliseconds' | 'bytes';
}

export type Bucket =
  | { readonly kind: 'time' }
  | { readonly kind: 'terms'; readonly field: string; readonly label: string; readonly size: number }
  /** Of a number: `[0, 1]`, `[1, 4]` … */
  | {
      readonly kind: 'filters';
      readonly label: string;
      readonly filters: readonly { readonly label: string; readonly query: string }[];
    };

/** Colours from these values on: the limits of processors/profile/limits.ts. */
export interface Threshold {
  readonly from: number;
  readonly level: 'normal' | 'watch' | 'warning' | 'alarm';
}

export type DashboardName = 'overview' | 'session' | 'waf-review' | 'network-and-vpn' | 'pipeline-health' | 'week';

interface PanelBase {
  readonly id: string; // unique over all dashboards
  readonly title: string;
  readonly view: ViewName;
  readonly filter?: string; // KQL
  /** Where a click on a value leads, with that value as filter. */
  readonly drilldown?: DashboardName;
}

export type Panel =
  | (PanelBase & { readonly kind: 'metric'; readonly metric: Metric; readonly thresholds?: readonly Threshold[] })
  | (PanelBase & {
      readonly kind: 'chart';
      readonly shape: 'bar_stacked' | 'bar_horizontal' | 'line' | 'area_stacked';
      readonly x: Bucket;
      readonly split?: Bucket;
      readonly metrics: readonly Metric[];
    })
  | (PanelBase & { readonly kind: 'table'; readonly rows: readonly Bucket[]; readonly metrics: readonly Metric[] });

/** A list of documents: a saved search. */
export interface Search {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly view: ViewName;
  readonly filter: string; // KQL
  readonly columns: readonly string[];
}

/** Of 48 columns; height in rows of Kibana's grid. */
export interface Place {
  readonly width: number;
  readonly height: number;
}

export type Tile =
  | (Place & { readonly panel: Panel })
  | (Place & { readonly search: string }) // id of a saved search
  | (Place & { readonly text: string; readonly id: string });

export interface Dashboard {
  readonly name: DashboardName;
  readonly title: string;
  readonly description: string;
  readonly timeFrom: string; // date math of Kibana
  /** Fields that can be chosen from at the top. */
  readonly controls: readonly { readonly view: ViewName; readonly field: string; readonly title: string }[];
  readonly rows: readonly (readonly Tile[])[];
}
