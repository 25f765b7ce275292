import { dashboardObject } from './dashboard.ts';
import { networkAndVpn } from './dashboards/network-and-vpn.ts';
import { overview } from './dashboards/overview.ts';
import { pipelineHealth } from './dashboards/pipeline-health.ts';
import { session } from './dashboards/session.ts';
import { wafReview } from './dashboards/waf-review.ts';
import { week } from './dashboards/week.ts';
import { dataViews, type KibanaOptions } from './data-views.ts';
import { lensOf } from './lens.ts';
import type { Dashboard, Panel } from './panel.ts';
import type { SavedObject } from './saved-object.ts';
import { searchObjects } from './searches.ts';

export const DASHBOARDS: readonly Dashboard[] = [overview, session, wafReview, networkAndVpn, pipelineHealth, week];

export function panelsOf(dashboard: Dashboard): readonly Panel[] {
  return dashboard.rows.flatMap((row) => row.flatMap((tile) => ('panel' in tile ? [tile.panel] : [])));
}

/** Everything that Kibana needs, each object once, in an order in which all references are known. */
export function savedObjects(options: KibanaOptions): readonly SavedObject[] {
  const panels = new Map<string, Panel>();
  for (const dashboard of DASHBOARDS) for (const panel of panelsOf(dashboard)) panels.set(panel.id, panel);
  return [
    ...dataViews(options),
    ...searchObjects(),
    ...[...panels.values()].map(lensOf),
    ...DASHBOARDS.map(dashboardObject),
  ];
}
