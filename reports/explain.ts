import type { EventDocument } from '../outputs/output.ts';
import { modelCause } from '../processors/profile/feedback.ts';
import {
  CAUSE_LABELS,
  type Cause,
  type CauseLabel,
  type ClockNote,
  type Evidence,
  type Feedback,
  type MissingSource,
  type Outcome,
  type Phase,
  type Profile,
  type Remedy,
} from '../processors/profile/profile.ts';
import { sessionTitle } from './wording.ts';

/** The whole decision about one session, as `imapwhy explain --json` prints it. Texts are as logged: clean them before they are shown. */
export interface Explanation {
  readonly id: string;
  readonly dovecot_id: string | null;
  readonly revision: number;
  readonly headline: Headline;
  /** What a person said; then the cause of the headline is theirs. Evidence, decision and alternatives are always those of the model. */
  readonly feedback: Feedback | null;
  readonly timeline: readonly TimelineLine[];
  readonly lines_omitted: number; // lines that the profile does not list
  readonly clock: readonly ClockNote[];
  readonly phases: readonly PhaseRow[];
  readonly evidence: readonly EvidenceRow[];
  readonly decision: DecisionCheck;
  readonly alternatives: readonly AlternativeRow[];
  readonly missing_sources: readonly MissingSource[];
  readonly remedy: Remedy | null;
}

export interface Headline {
  readonly user: string | null;
  readonly client_ip: string | null;
  readonly source_ip: string | null; // what the mail server saw
  readonly server: string | null;
  readonly path: readonly string[]; // what lay between: `VPN vpn1 (10.8.0.7)`, `proxy imaps`, `WAF login.example.org`
  readonly agent: string | null;
  readonly start: string;
  readonly end: string;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly stalled_in: Phase['name'] | null;
  readonly cause: CauseLabel;
  readonly title: string;
  readonly probability: number;
  readonly owner: string | null;
  readonly scope: string | null;
  readonly tags: readonly string[];
}

export interface TimelineLine {
  readonly id: string;
  readonly at: string; // on the one clock: `imapwhy.events[].at`, not the stamp of the line
  readonly source: string; // file or host that wrote it, else its dataset
  readonly dataset: string;
  readonly action: string;
  readonly original: string | null; // null: the store does not keep the events of sessions that went well
}

export interface PhaseRow extends Phase {
  readonly stalled: boolean;
}

export interface EvidenceRow {
  readonly name: string;
  readonly kind: Evidence['kind'];
  readonly text: string;
  readonly value: number;
  readonly weight: number; // log-odds for the label that the model chose
  readonly adds: number; // value times weight
  /** The label that it speaks for or against most, if that is not the chosen one. */
  readonly mostly: { readonly label: CauseLabel; readonly adds: number } | null;
  readonly lines: Evidence['lines'];
}

/** The decision made again from the stored evidence. */
export interface DecisionCheck {
  readonly log_odds: Readonly<Partial<Record<CauseLabel, number>>>; // of every label; empty if nothing was weighed
  readonly recomputed: number | null; // null: the session was not weighed (no evidence named `base`)
  readonly stated: number;
  readonly warning: string | null;
}

export interface AlternativeRow {
  readonly label: CauseLabel;
  readonly title: string;
  readonly probability: number;
  readonly log_odds: number | null;
  readonly why_not: string;
  /** Evidence that puts the chosen label ahead, strongest first, at most 3. */
  readonly separated_by: readonly { readonly name: string; readonly lead: number }[];
}

const PROBABILITY_TOLERANCE = 0.001;
/** Below this, evidence does not separate two labels in a way worth telling. */
const LEAD_MIN = 0.3;

/**
 * Explains a profile from what was stored with it. Pure: no clock, no input.
 * `events` are the event documents of the session in any order; those that are missing leave a line without its text.
 */
export function explain(profile: Profile, events: readonly EventDocument[]): Explanation {
  const own = profile.imapwhy;
  const byModel = modelCause(profile);
  const decision = checkDecision(byModel);
  return {
    id: own.session.id,
    dovecot_id: own.session.dovecot_id,
    revision: own.revision,
    headline: headlineOf(profile),
    feedback: own.feedback ?? null,
    timeline: timelineOf(profile, events),
    lines_omitted: own.events_omitted,
    clock: own.clock,
    phases: own.phases.map((phase) => ({ ...phase, stalled: phase.name === own.stalled_in })),
    evidence: own.cause.evidence.map((e) => evidenceRow(e, byModel.label)),
    decision,
    alternatives: alternativesOf(byModel, decision),
    missing_sources: own.cause.missing_sources,
    remedy: own.cause.remedy,
  };
}

function headlineOf(profile: Profile): Headline {
  const { cause, path, outcome, stalled_in } = profile.imapwhy;
  const port = profile.server.port === null ? '' : `:${profile.server.port}`;
  const address = profile.server.ip === null ? null : `${bracketed(profile.server.ip, port)}${port}`;
  const between: string[] = [];
  if (path.vpn) between.push(`VPN ${path.vpn.name} (${path.vpn.assigned_ip}${path.vpn.rekeyed ? ', rekeyed' : ''})`);
  if (path.proxy !== null) between.push(`proxy ${path.proxy}`);
  if (path.waf !== null) between.push(`WAF ${path.waf}`);
  return {
    user: profile.user.name,
    client_ip: profile.client.ip,
    source_ip: profile.source.ip,
    server: [profile.host.name, address].filter((part) => part !== null).join(' ') || null,
    path: between,
    agent: profile.user_agent.name,
    start: profile.event.start,
    end: profile.event.end,
    outcome,
    reason: profile.event.reason,
    stalled_in,
    cause: cause.label,
    title: cause.label === 'none' ? noCauseTitle(outcome, profile.imapwhy.feedback) : sessionTitle(cause.label),
    probability: cause.probability,
    owner: cause.owner,
    scope: cause.scope,
    tags: profile.tags,
  };
}

function bracketed(address: string, port: string): string {
  return port !== '' && address.includes(':') ? `[${address}]` : address;
}

/** No cause is two different things: nothing was wrong, or nobody knows what. */
function noCauseTitle(outcome: Outcome, feedback: Feedback | undefined): string {
  if (outcome === 'ok') return 'Healthy: nothing was wrong';
  if (feedback) return 'No cause: a person said that it is none of those that imapwhy knows';
  if (outcome === 'auth_failed')
    return 'The login was refused, and nothing else is wrong (a wrong password, most likely)';
  return 'Unexplained: the logs at hand do not say why';
}

function timelineOf(profile: Profile, events: readonly EventDocument[]): readonly TimelineLine[] {
  const byId = new Map(events.map((e) => [e.id, e]));
  const listed = profile.imapwhy.events.map((ref): TimelineLine => {
    const document = byId.get(ref.id)?.document;
    byId.delete(ref.id);
    return {
      id: ref.id,
      at: ref.at,
      source: sourceOf(document) ?? ref.dataset,
      dataset: ref.dataset,
      action: ref.action,
      original: textAt(document, 'event', 'original') ?? textAt(document, 'message') ?? null,
    };
  });
  // Events that name this session but are beyond what the profile lists.
  const rest = [...byId.values()].map(({ id, document }): TimelineLine => {
    const dataset = textAt(document, 'event', 'dataset') ?? 'unknown';
    return {
      id,
      at: onOneClock(document, profile) ?? profile.event.start,
      source: sourceOf(document) ?? dataset,
      dataset,
      action: textAt(document, 'event', 'action') ?? '',
      original: textAt(document, 'event', 'original') ?? textAt(document, 'message') ?? null,
    };
  });
  // Array.sort keeps the order of equals, so lines of one instant stay as the profile has them.
  return [...listed, ...rest].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** A document carries its source's own stamp; the profile says how far the clock of that source was off. */
function onOneClock(document: EventDocument['document'], profile: Profile): string | undefined {
  const stamp = textAt(document, '@timestamp');
  const path = textAt(document, 'log', 'file', 'path');
  const shift = profile.imapwhy.clock.find((note) => note.source === path)?.shift_ms ?? 0;
  const at = stamp === undefined ? Number.NaN : Date.parse(stamp) + shift;
  return Number.isNaN(at) ? stamp : new Date(at).toISOString();
}

function sourceOf(document: EventDocument['document'] | undefined): string | undefined {
  const path = textAt(document, 'log', 'file', 'path');
  if (path !== undefined && path !== '') return path.slice(path.lastIndexOf('/') + 1) || path;
  return textAt(document, 'host', 'name');
}

/** The text at a path of keys, nested or (the last keys joined) dotted; undefined if there is none. */
function textAt(document: unknown, ...keys: readonly string[]): string | undefined {
  let value = document;
  for (let i = 0; i < keys.length; i++) {
    const dotted = own(value, keys.slice(i).join('.'));
    if (typeof dotted === 'string') return dotted;
    value = own(value, keys[i] ?? '');
  }
  return undefined;
}

function own(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

function evidenceRow(e: Evidence, label: CauseLabel): EvidenceRow {
  const weight = e.weights[label] ?? 0;
  let mostly: EvidenceRow['mostly'] = null;
  for (const other of CAUSE_LABELS) {
    const adds = addsTo(e, other);
    if (Math.abs(adds) > Math.abs(mostly?.adds ?? 0)) mostly = { label: other, adds };
  }
  return {
    name: e.name,
    kind: e.kind,
    text: e.text,
    value: e.value,
    weight,
    adds: addsTo(e, label),
    mostly: mostly?.label === label ? null : mostly,
    lines: e.lines,
  };
}

function addsTo(e: Evidence, label: CauseLabel): number {
  return e.value * (e.weights[label] ?? 0);
}

/**
 * Makes the decision again: the log-odds of a label are the sum of value times weight over all evidence, of which `base` is what every label starts
 * from; a weight that is not there is 0. The probability is the softmax over all labels of CAUSE_LABELS.
 */
export function checkDecision(cause: Cause): DecisionCheck {
  const stated = cause.probability;
  if (!cause.evidence.some((e) => e.name === 'base')) {
    const warning =
      cause.evidence.length === 0
        ? null
        : 'The evidence has no item named "base", so the probability cannot be recomputed from it.';
    return { log_odds: {}, recomputed: null, stated, warning };
  }
  const logOdds: Partial<Record<CauseLabel, number>> = {};
  for (const label of CAUSE_LABELS) logOdds[label] = cause.evidence.reduce((sum, e) => sum + addsTo(e, label), 0);
  const total = logSumExp(Object.values(logOdds));
  const recomputed = Math.exp((logOdds[cause.label] ?? 0) - total);
  // Written so that a NaN, which a damaged document may give, also warns.
  const agrees = Math.abs(recomputed - stated) <= PROBABILITY_TOLERANCE;
  const best = CAUSE_LABELS.reduce((a, b) => ((logOdds[b] ?? 0) > (logOdds[a] ?? 0) ? b : a));
  let warning: string | null = null;
  if (!agrees) {
    warning = `The stored evidence gives ${recomputed.toFixed(4)}, but the profile says ${stated.toFixed(4)}: do not trust this decision.`;
  } else if ((logOdds[best] ?? 0) > (logOdds[cause.label] ?? 0) + PROBABILITY_TOLERANCE) {
    warning = `The stored evidence speaks more for ${best} than for ${cause.label}: do not trust this decision.`;
  }
  return { log_odds: logOdds, recomputed, stated, warning };
}

/** ln of the sum of e^x, without overflow. -Infinity for none. */
export function logSumExp(values: readonly number[]): number {
  const top = Math.max(Number.NEGATIVE_INFINITY, ...values);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(values.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

function alternativesOf(cause: Cause, decision: DecisionCheck): readonly AlternativeRow[] {
  return cause.alternatives.map((alternative) => ({
    label: alternative.label,
    title: sessionTitle(alternative.label),
    probability: alternative.probability,
    log_odds: decision.log_odds[alternative.label] ?? null,
    why_not: alternative.why_not,
    separated_by: cause.evidence
      .map((e) => ({ name: e.name, lead: addsTo(e, cause.label) - addsTo(e, alternative.label) }))
      .filter((e) => e.lead >= LEAD_MIN)
      .sort((a, b) => b.lead - a.lead || (a.name < b.name ? -1 : 1))
      .slice(0, 3),
  }));
}
