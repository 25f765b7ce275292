import type { Incident } from '../../processors/profile/incident.ts';
import { compareText } from '../counting/top-counter.ts';
import { field, html, type Markup, NOTHING } from '../markup.ts';
import type { Period } from '../summary-document.ts';
import { labelTitle, momentIn, plural, scopeText, wholeNumber } from '../wording.ts';
import { axisLines, round, type TimeAxis } from './time-axis.ts';

const DRAWN_MAX = 500;
const LISTED_MAX = 25;
const LANE_HEIGHT = 36;

/** One lane a cause, each incident a bar on the clock of the charts above; then the largest ones as a table. */
export function incidentsSection(
  incidents: readonly Incident[],
  total: number,
  period: Period,
  axis: TimeAxis | undefined,
): Markup {
  if (total === 0) return html`<p>No incidents: no cause hit several sessions of one place at the same time.</p>`;
  return html`${axis ? incidentTimeline(incidents.slice(0, DRAWN_MAX), total, axis) : NOTHING}${incidentTable(incidents, total, period)}`;
}

interface Lane {
  readonly cause: Incident['imapwhy']['incident']['cause'];
  readonly layer: string;
  readonly incidents: Incident[];
  sessions: number;
}

function incidentTimeline(incidents: readonly Incident[], total: number, axis: TimeAxis): Markup {
  const lanes = lanesOf(incidents);
  const bottom = lanes.length * LANE_HEIGHT + 2;
  const description = lanes
    .map((lane) => `${lane.cause}: ${plural(lane.incidents.length, 'incident')}, ${plural(lane.sessions, 'session')}`)
    .join('; ');
  const left = total - incidents.length;
  return html`<figure>
<figcaption>Incidents <small>one row a cause, each bar an incident from onset to end, on the same clock${left > 0 ? `; the ${wholeNumber(incidents.length)} largest of ${wholeNumber(total)}` : ''}</small></figcaption>
<ul class="legend">${[...new Set(lanes.map((l) => l.layer))].map((layer) => html`<li><span class="swatch fill-${layerClass(layer)}"></span>${layer}</li>`)}</ul>
<svg class="chart clock" height="${bottom + 20}" role="img" aria-label="Timeline of incidents. ${description}">
<title>Timeline of incidents</title><desc>${description}</desc>
${axisLines(axis, 0, bottom, true)}
${lanes.map((lane, i) => laneMarkup(lane, i * LANE_HEIGHT, axis))}
</svg></figure>`;
}

function lanesOf(incidents: readonly Incident[]): readonly Lane[] {
  const lanes = new Map<string, Lane>();
  for (const incident of incidents) {
    const { cause, layer, sessions } = incident.imapwhy.incident;
    let lane = lanes.get(cause);
    if (!lane) {
      lane = { cause, layer, incidents: [], sessions: 0 };
      lanes.set(cause, lane);
    }
    lane.incidents.push(incident);
    lane.sessions += sessions;
  }
  return [...lanes.values()].sort((a, b) => b.sessions - a.sessions || compareText(a.cause, b.cause));
}

function laneMarkup(lane: Lane, y: number, axis: TimeAxis): Markup {
  const bars = lane.incidents.map((incident) => {
    const { scope, sessions } = incident.imapwhy.incident;
    const from = axis.position(Date.parse(incident.event.start));
    const width = Math.max(0.5, round(axis.position(Date.parse(incident.event.end)) - from));
    return html`<rect class="incident fill-${layerClass(lane.layer)}" x="${Math.min(from, 99.5)}%" width="${width}%" y="${y + 20}" height="10" rx="2"><title>${lane.cause}, ${scopeText(scope)}: ${plural(sessions, 'session')}, ${incident.event.start} to ${incident.event.end}</title></rect>`;
  });
  return html`<text class="name halo" x="0" y="${y + 14}">${labelTitle(lane.cause)} <tspan class="minor">· ${plural(lane.incidents.length, 'incident')}, ${plural(lane.sessions, 'session')}</tspan></text>
<rect class="fill-track" x="0" width="100%" y="${y + 24.5}" height="1"/>${bars}`;
}

function incidentTable(incidents: readonly Incident[], total: number, period: Period): Markup {
  const moment = momentIn(period);
  const listed = incidents.slice(0, LISTED_MAX);
  return html`<details class="plain" data-long="1"><summary>${listed.length < total ? `The ${listed.length} largest incidents of ${wholeNumber(total)}` : 'All incidents'} as a table</summary>
<table class="stack" role="table"><caption>Incidents by sessions; times in UTC</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Cause</th><th role="columnheader" scope="col">Where</th><th role="columnheader" scope="col">From</th><th role="columnheader" scope="col">To</th><th role="columnheader" scope="col" class="number">Sessions</th><th role="columnheader" scope="col" class="number">Users</th><th role="columnheader" scope="col">Whose job</th></tr></thead>
${listed.map(({ event, imapwhy }) => {
  const i = imapwhy.incident;
  return html`<tbody role="rowgroup"><tr role="row"><th role="rowheader" scope="row">${labelTitle(i.cause)}</th><td role="cell">${field(scopeText(i.scope), 80)}</td><td role="cell" class="time" data-label="from">${moment(event.start)}</td><td role="cell" class="time" data-label="to">${moment(event.end)}</td><td role="cell" class="number" data-label="sessions">${wholeNumber(i.sessions)}</td><td role="cell" class="number" data-label="users">${wholeNumber(i.users)}</td><td role="cell">${field(i.owner, 40)}</td></tr></tbody>`;
})}</table></details>`;
}

/** Layers come from documents: only the four known ones become part of a class name. */
export function layerClass(layer: string | null): string {
  return layer === 'network' || layer === 'server' || layer === 'client' || layer === 'security'
    ? layer
    : 'unexplained';
}
