import { modelCause } from '../../processors/profile/feedback.ts';
import type { CauseLabel, Evidence, Feedback, Profile } from '../../processors/profile/profile.ts';
import { field, html, logLine, type Markup, NOTHING } from '../markup.ts';
import type { Summary } from '../summary-document.ts';
import {
  causeTitle,
  dateText,
  durationText,
  exactClockText,
  explainCommand,
  labelTitle,
  plural,
  shareText,
} from '../wording.ts';
import { remedyMarkup } from './causes.ts';
import { layerClass } from './incidents.ts';
import { phasesBar } from './phases-bar.ts';

const LINES_MAX = 30;
const EVIDENCE_MAX = 12;

/** One session with its events as they were written. */
export interface Example {
  readonly profile: Profile;
  readonly events: readonly ExampleEvent[];
}

export interface ExampleEvent {
  readonly id: string;
  readonly document: Readonly<Record<string, unknown>>;
}

/** Example sessions under their causes, in the order of the cause table; those of the unexplained are not here. */
export function examplesSection(summary: Summary, examples: readonly Example[]): Markup {
  const parts = summary.causes.flatMap((row) => {
    if (row.kind === 'rest') return [];
    const own = examples.filter((e) => e.profile.imapwhy.cause.label === row.label);
    return own.length === 0
      ? []
      : [
          html`<h3>${causeTitle(row.label)} <span class="code">${row.label}</span></h3>${own.map((e) => exampleMarkup(e, false))}`,
        ];
  });
  return parts.length === 0 ? html`<p class="muted">No example sessions.</p>` : html`${parts}`;
}

/** One session, folded: who, when, where it stalled; inside its phases, lines, evidence, alternatives and what to do. */
export function exampleMarkup({ profile, events }: Example, open: boolean): Markup {
  const { imapwhy } = profile;
  const { cause } = imapwhy;
  const who = profile.user.name ?? 'unknown user';
  const address = profile.client.ip ?? profile.source.ip;
  const length = durationText(profile.event.duration / 1e6);
  return html`<details data-long="1"${open ? html` open` : NOTHING}><summary>${field(who, 80)}${address === null ? '' : html` from ${field(address, 64)}`}, ${dateText(profile.event.start)} ${exactClockText(profile.event.start)}: <strong>${imapwhy.outcome.replaceAll('_', ' ')}</strong> after ${length}${imapwhy.stalled_in === null ? '' : `, stalled in ${imapwhy.stalled_in}`}</summary><div class="inside">
<dl class="facts">
${cause.label === 'none' ? NOTHING : fact('Cause', html`${labelTitle(cause.label)}, ${imapwhy.feedback ? 'as a person said' : `${shareText(cause.probability)} sure`}`)}
${imapwhy.feedback ? fact('Said by', feedbackMarkup(imapwhy.feedback)) : NOTHING}
${fact('The server’s words', profile.event.reason === null ? null : field(profile.event.reason))}
${fact('Path', pathText(profile))}
${fact('Client', profile.user_agent.name === null ? null : field(profile.user_agent.name))}
${fact('Whole decision', html`<code>${field(explainCommand(imapwhy.session.id), 200)}</code>`)}
</dl>
<h4>Phases</h4>${phasesBar(imapwhy.phases, layerClass(cause.layer))}
${imapwhy.phases.length === 0 ? html`<p class="small muted">The logs show no phases of it.</p>` : NOTHING}
<h4>Its lines</h4>${linesMarkup(profile, events)}
${evidenceMarkup(modelCause(profile).label, cause.evidence)}
${alternativesMarkup(profile)}
${cause.missing_sources.length === 0 ? NOTHING : html`<h4>What was missing</h4><ul class="flow small">${cause.missing_sources.map((m) => html`<li>${field(m.source, 80)}: ${field(m.enable)}</li>`)}</ul>`}
${cause.remedy === null ? NOTHING : html`<h4>What to do</h4>${remedyMarkup(cause.remedy)}`}
</div></details>`;
}

function fact(name: string, value: Markup | null): Markup {
  return value === null ? NOTHING : html`<dt>${name}</dt><dd>${value}</dd>`;
}

/** Names and notes are a person's text: as little trusted as a log. */
function feedbackMarkup({ by, at, note, model_label, model_probability }: Feedback): Markup {
  const model = model_label === 'none' ? 'that there is no cause' : labelTitle(model_label);
  return html`${field(by, 80)} on ${dateText(at)}${note === null ? '' : html`: ${field(note, 400)}`}. The model had said ${model}, ${shareText(model_probability)} sure.`;
}

function pathText(profile: Profile): Markup | null {
  const { vpn, waf, proxy } = profile.imapwhy.path;
  const server = profile.host.name ?? profile.server.ip;
  const stops = [
    ...(vpn === null
      ? []
      : [html`VPN ${field(vpn.name, 60)} (${field(vpn.assigned_ip, 45)}${vpn.rekeyed ? ', rekeyed' : ''})`]),
    ...(waf === null ? [] : [html`WAF for ${field(waf, 80)}`]),
    ...(proxy === null ? [] : [html`proxy ${field(proxy, 60)}`]),
    ...(server === null ? [] : [html`server ${field(server, 60)}`]),
  ];
  return stops.length === 0 ? null : html`${stops.map((stop, i) => (i === 0 ? stop : html` → ${stop}`))}`;
}

/** The redacted originals, in the order of the profile; without an event only what the profile says of it. */
function linesMarkup(profile: Profile, events: readonly ExampleEvent[]): Markup {
  const byId = new Map(events.map((e) => [e.id, e.document]));
  const refs = profile.imapwhy.events.slice(0, LINES_MAX);
  const left = profile.imapwhy.events.length - refs.length + profile.imapwhy.events_omitted;
  if (refs.length === 0) return html`<p class="small muted">None kept.</p>`;
  return html`<ol class="lines">${refs.map((ref) => {
    const document = byId.get(ref.id);
    const original = document === undefined ? undefined : textAt(document, 'event', 'original');
    const host = document === undefined ? undefined : textAt(document, 'host', 'name');
    return html`<li><span class="muted"><span class="number">${exactClockText(ref.at)}</span> ${field(ref.dataset, 60)}${host === undefined ? '' : html` on ${field(host, 60)}`}</span>${original === undefined ? html`<span class="line">${field(ref.action, 60)}</span>` : logLine(original)}</li>`;
  })}</ol>${left > 0 ? html`<p class="small muted">and ${plural(left, 'more line')}</p>` : NOTHING}`;
}

/** A text two levels down in a document of unknown shape. */
function textAt(document: Readonly<Record<string, unknown>>, outer: string, inner: string): string | undefined {
  const value = document[outer];
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, inner)) return undefined;
  const text: unknown = Reflect.get(value, inner);
  return typeof text === 'string' ? text : undefined;
}

function evidenceMarkup(label: CauseLabel, evidence: readonly Evidence[]): Markup {
  const weighed = evidence
    .map((e) => ({ e, weight: weightOf(e, label) }))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  const shown = weighed.slice(0, EVIDENCE_MAX);
  if (shown.length === 0) return html`<h4>Evidence</h4><p class="small muted">None found.</p>`;
  return html`<h4>Evidence</h4><table><caption>Weights are log-odds for this verdict: above zero speaks for it, below zero against it</caption>
<thead><tr><th scope="col">What was seen</th><th scope="col" class="number">Weight</th></tr></thead>
<tbody>${shown.map(({ e, weight }) => html`<tr><td>${field(e.text, 400)} <span class="code">${field(e.name, 60)}</span></td><td class="number">${signed(weight)}</td></tr>`)}</tbody></table>${weighed.length > shown.length ? html`<p class="small muted">and ${plural(weighed.length - shown.length, 'weaker piece')}</p>` : NOTHING}`;
}

function weightOf(e: Evidence, label: CauseLabel): number {
  const weight = (e.weights[label] ?? 0) * e.value;
  return Number.isFinite(weight) ? weight : 0;
}

function signed(n: number): string {
  const text = Math.abs(n).toFixed(1);
  return text === '0.0' ? '0' : `${n < 0 ? '−' : '+'}${text}`;
}

function alternativesMarkup(profile: Profile): Markup {
  const { alternatives } = profile.imapwhy.cause;
  if (alternatives.length === 0) return NOTHING;
  return html`<h4>Alternatives, and why they lost</h4><ul class="flow small">${alternatives.map((a) => html`<li>${labelTitle(a.label)} (${shareText(a.probability)}): ${field(a.why_not, 400)}</li>`)}</ul>`;
}
