/** Dashboards as saved objects: tiles laid out from left to right, row by row. */
import { viewId } from './data-views.ts';
import { lensId } from './lens.ts';
import type { Dashboard, DashboardName, Panel, Tile } from './panel.ts';
import type { Reference, SavedObject } from './saved-object.ts';
import { searchId } from './searches.ts';

export const dashboardId = (name: DashboardName): string => `imapwhy-dashboard-${name}`;

export function dashboardObject(dashboard: Dashboard): SavedObject {
  const references: Reference[] = [];
  const panels: object[] = [];
  let y = 0;
  for (const row of dashboard.rows) {
    let x = 0;
    for (const tile of row) {
      const i = String(panels.length + 1);
      const gridData = { x, y, w: tile.width, h: tile.height, i };
      panels.push({ version: '8.9.0', gridData, panelIndex: i, ...tileBody(tile, i, references) });
      x += tile.width;
    }
    y += Math.max(...row.map((tile) => tile.height));
  }
  return {
    id: dashboardId(dashboard.name),
    type: 'dashboard',
    attributes: {
      title: `${dashboard.title} [imapwhy]`,
      description: dashboard.description,
      version: 1,
      timeRestore: true,
      timeFrom: dashboard.timeFrom,
      timeTo: 'now',
      refreshInterval: { pause: true, value: 60_000 },
      optionsJSON: JSON.stringify({
        hidePanelTitles: false,
        syncColors: true,
        syncCursor: true,
        syncTooltips: false,
        useMargins: true,
      }),
      panelsJSON: JSON.stringify(panels),
      controlGroupInput: controlGroup(dashboard, references),
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ filter: [], query: { language: 'kuery', query: '' } }),
      },
    },
    references,
  };
}

function tileBody(tile: Tile, i: string, references: Reference[]): object {
  if ('text' in tile) {
    const params = { fontSize: 12, markdown: tile.text, openLinksInNewTab: false };
    const savedVis = {
      type: 'markdown',
      title: '',
      description: '',
      params,
      uiState: {},
      data: { aggs: [], searchSource: {} },
    };
    return { type: 'visualization', embeddableConfig: { hidePanelTitles: true, savedVis } };
  }
  const panelRefName = `panel_${i}`;
  if ('search' in tile) {
    references.push({ id: searchId(tile.search), name: `${i}:${panelRefName}`, type: 'search' });
    return { type: 'search', embeddableConfig: {}, panelRefName };
  }
  references.push({ id: lensId(tile.panel), name: `${i}:${panelRefName}`, type: 'lens' });
  return {
    type: 'lens',
    title: tile.panel.title,
    embeddableConfig: { enhancements: enhancements(tile.panel, i, references) },
    panelRefName,
  };
}

function enhancements(panel: Panel, i: string, references: Reference[]): object {
  if (panel.drilldown === undefined) return {};
  const eventId = `${panel.id}-to-${panel.drilldown}`;
  references.push({
    id: dashboardId(panel.drilldown),
    name: `${i}:drilldown:DASHBOARD_TO_DASHBOARD_DRILLDOWN:${eventId}:dashboardId`,
    type: 'dashboard',
  });
  const config = { openInNewTab: false, useCurrentDateRange: true, useCurrentFilters: true };
  const action = { factoryId: 'DASHBOARD_TO_DASHBOARD_DRILLDOWN', name: `Go to ${panel.drilldown}`, config };
  return { dynamicActions: { events: [{ eventId, triggers: ['FILTER_TRIGGER'], action }] } };
}

function controlGroup(dashboard: Dashboard, references: Reference[]): object {
  const panels: Record<string, object> = {};
  for (const [order, { view, field, title }] of dashboard.controls.entries()) {
    const id = `control${order}`;
    references.push({ id: viewId(view), name: `controlGroup_${id}:optionsListDataView`, type: 'index-pattern' });
    panels[id] = {
      type: 'optionsListControl',
      order,
      grow: true,
      width: 'medium',
      explicitInput: { id, fieldName: field, title, enhancements: {}, selectedOptions: [] },
    };
  }
  return {
    chainingSystem: 'HIERARCHICAL',
    controlStyle: 'oneLine',
    ignoreParentSettingsJSON: JSON.stringify({
      ignoreFilters: false,
      ignoreQuery: false,
      ignoreTimerange: false,
      ignoreValidations: false,
    }),
    panelsJSON: JSON.stringify(panels),
  };
}
