import { scaleLinear } from 'd3-scale';
import type { Explanation, PhaseRow, TimelineLine } from '../../reports/explain.ts';
import { html, type Markup, NOTHING } from '../../reports/markup.ts';
import { durationText } from '../../reports/wording.ts';
import { timeIn, type View } from '../view.ts';

const LANES = ['firewall', 'network', 'vpn', 'waf', 'proxy', 'login', 'imap', 'other'] as const;
type LaneName = (typeof LANES)[number];

/** Where a dataset belongs: by its whole name, else by its family. */
const LANE_OF: ReadonlyMap<string, LaneName> = new Map([
  ['netfilter', 'firewall'],
  ['fail2ban', 'firewall'],
  ['crowdsec', 'firewall'],
  ['netflow', 'network'],
  ['openvpn', 'vpn'],
  ['wireguard', 'vpn'],
  ['strongswan', 'vpn'],
  ['modsecurity', 'waf'],
  ['nginx', 'waf'],
  ['apache', 'waf'],
  ['haproxy', 'proxy'],
  ['dovecot.session', 'imap'],
  ['dovecot', 'login'],
  ['postfix', 'login'],
]);

const LANE_HEIGHT = 26;
const TICKS = 6;

/** What each source said when, and the phases above it, on one clock. Positions are per cent of the width, so that the text keeps its size. */
export function lanesFigure(view: View, e: Explanation, layer: string): Markup {
  const times = [...e.timeline.map((l) => Date.parse(l.at)), ...e.phases.flatMap(phaseSpan)].filter(Number.isFinite);
  const start = Math.min(...times);
  const end = Math.max(...times);
  if (!Number.isFinite(start)) return NOTHING;
  const scale = scaleLinear([start, Math.max(end, start + 1000)], [1, 99]);
  const x = (ms: number): number => Math.round(scale(ms) * 100) / 100;
  const lanes = LANES.flatMap((name) => {
    const lines = e.timeline.filter((l) => laneOf(l.dataset) === name);
    return lines.length === 0 ? [] : [{ name, lines }];
  });
  const phasesHeight = e.phases.length === 0 ? 0 : 30;
  const height = phasesHeight + lanes.length * LANE_HEIGHT;
  const { words } = view;
  return html`<figure class="lanes"><figcaption>${words.lanes}</figcaption><div class="lanes-body">
<ul class="lane-names" aria-hidden="true">${phasesHeight === 0 ? NOTHING : html`<li>${words.phases}</li>`}${lanes.map((l) => html`<li>${words.laneOf[l.name]}</li>`)}</ul>
<svg class="chart" height="${height + 18}" role="img" aria-label="${description(view, e)}">
${scale.ticks(TICKS).map((tick) => html`<line class="grid" x1="${x(tick)}%" x2="${x(tick)}%" y1="0" y2="${height}"/>`)}
${e.phases.map((p) => phaseMarkup(view, p, x, layer))}
${lanes.map(({ lines }, i) => {
  const y = phasesHeight + i * LANE_HEIGHT + LANE_HEIGHT / 2;
  return html`<line class="lane" x1="0" x2="100%" y1="${y}" y2="${y}"/>${lines.map((l) => html`<circle class="dot" cx="${x(Date.parse(l.at))}%" cy="${y}" r="4.5"><title>${timeIn(view, l.at, 'HH:mm:ss.SSS')} ${l.dataset} ${l.action}</title></circle>`)}`;
})}
<text class="major" x="1%" y="${height + 14}">${timeIn(view, start, 'HH:mm:ss')}</text><text class="major" x="99%" y="${height + 14}" text-anchor="end">+${durationText(end - start)}</text>
</svg></div></figure>`;
}

function laneOf(dataset: string): LaneName {
  return LANE_OF.get(dataset) ?? LANE_OF.get(dataset.split('.')[0] ?? '') ?? 'other';
}

function phaseSpan(p: PhaseRow): readonly number[] {
  const start = Date.parse(p.start);
  return [start, start + (p.duration_ms ?? 0)];
}

function phaseMarkup(view: View, p: PhaseRow, x: (ms: number) => number, layer: string): Markup {
  if (p.duration_ms === null) return NOTHING;
  const [start = 0, end = 0] = phaseSpan(p);
  const width = Math.max(0.4, x(end) - x(start));
  const label = `${p.name} ${durationText(p.duration_ms)}${p.stalled ? `, ${view.words.stall}` : ''}`;
  const isWide = width > 9;
  return html`<rect class="${p.stalled ? `fill-${layer} stalled` : 'fill-attempts'}" x="${x(start)}%" y="4" width="${width}%" height="16" rx="2"><title>${label}</title></rect>${isWide ? html`<text class="phase-name" x="${x(start) + 0.6}%" y="16">${p.name}</text>` : NOTHING}`;
}

function description(view: View, e: Explanation): string {
  const said = (l: TimelineLine): string => `${timeIn(view, l.at, 'HH:mm:ss.SSS')} ${l.dataset} ${l.action}`;
  return `${view.words.lanes}: ${e.timeline.slice(0, 40).map(said).join('; ')}`;
}
