import type { ClosedSession } from '../../processors/correlate/correlate.ts';
import type { KnownTimer } from '../../processors/profile/known-timers.ts';
import { outcomeOf } from '../../processors/profile/outcome.ts';
import { layerOf, OWNERS } from '../../processors/profile/owners.ts';
import type { Alternative, Cause, CauseLabel, Evidence, Outcome } from '../../processors/profile/profile.ts';
import { type Case, newCase } from './case.ts';
import { type CauseModel, type Decision, decide, measure } from './decide.ts';
import { missingSources } from './missing-sources.ts';
import { remedyFor } from './remedies.ts';

export interface Judgement {
  readonly outcome: Outcome;
  readonly cause: Cause;
}

/** Names the cause of one closed session, with evidence that adds up to its probability. Pure: same session, same model, same answer. */
export function judge(closed: ClosedSession, model: CauseModel, timers: readonly KnownTimer[]): Judgement {
  if (!closed.surroundings) return { outcome: outcomeOf(closed.session, undefined), cause: HEALTHY };
  const c = newCase(closed.session, closed.surroundings, timers);
  const decision = decide(measure(c), model);
  return { outcome: c.outcome, cause: causeOf(c, decision, model) };
}

function causeOf(c: Case, decision: Decision, model: CauseModel): Cause {
  const { label, probabilities } = decision;
  const ranked = [...probabilities].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const alternatives = ranked.filter(([other]) => other !== label).slice(0, 2);
  const shown = label === 'none' && c.outcome === 'ok' ? [] : [label, ...alternatives.map(([other]) => other)];
  return {
    label,
    layer: layerOf(label),
    owner: OWNERS[label],
    probability: round(probabilities.get(label) ?? 0),
    alternatives: alternatives.map(([other, p]) => alternative(other, p, label, decision)),
    evidence: [
      baseEvidence(model),
      ...decision.evidence.map(
        (e): Evidence => ({
          name: e.rule.name,
          kind: e.rule.kind,
          text: e.rule.text(c),
          value: round(e.value),
          weights: e.weights,
          lines: [],
        }),
      ),
    ],
    missing_sources: missingSources(shown, c.around.sources),
    remedy: remedyFor(label, c),
    scope: scopeOf(label, c),
  };
}

const HEALTHY: Cause = {
  label: 'none',
  layer: null,
  owner: null,
  probability: 1,
  alternatives: [],
  evidence: [],
  missing_sources: [],
  remedy: null,
  scope: null,
};

function baseEvidence(model: CauseModel): Evidence {
  return {
    name: 'base',
    kind: 'line',
    text: 'What each cause starts from before any evidence.',
    value: 1,
    weights: model.base,
    lines: [],
  };
}

/** Why a candidate lost: the evidence that put the winner ahead of it, strongest first. */
function alternative(other: CauseLabel, probability: number, winner: CauseLabel, decision: Decision): Alternative {
  const against = decision.evidence
    .map((e) => ({ name: e.rule.name, lead: e.value * ((e.weights[winner] ?? 0) - (e.weights[other] ?? 0)) }))
    .filter((e) => e.lead > 0.3)
    .sort((a, b) => b.lead - a.lead || (a.name < b.name ? -1 : 1))
    .slice(0, 3);
  const why =
    against.length === 0
      ? 'only its rarer occurrence speaks against it'
      : against.map((e) => `${e.name} (+${e.lead.toFixed(1)})`).join(', ');
  return { label: other, probability: round(probability), why_not: `${winner} is ahead by ${why}` };
}

/** What the cause is shared by: incidents group by it. */
function scopeOf(label: CauseLabel, c: Case): string | null {
  switch (label) {
    case 'none':
      return null;
    case 'network.client_vanished':
    case 'client.stale_token':
    case 'client.too_many_connections':
      return c.s.user === undefined ? `client:${c.s.clientIp ?? 'unknown'}` : `user:${c.s.user}`;
    case 'client.legacy_tls':
    case 'client.no_auth':
    case 'client.protocol_error':
      return `client:${c.s.clientIp ?? 'unknown'}`;
    case 'network.packet_loss':
    case 'network.path_flap':
    case 'network.qos_starvation':
    case 'security.attack':
      return `network:${c.around.network ?? 'unknown'}`;
    case 'security.rate_limit':
      return `network:${c.around.network ?? 'unknown'}`;
    case 'security.vpn_down':
      return `tunnel:${c.s.vpn?.name ?? 'unknown'}`;
    case 'security.vpn_bottleneck':
      return 'tunnel:all';
    case 'security.waf_false_positive':
      return `rule:${c.around.rule?.id ?? 'unknown'} ${c.around.rule?.path ?? ''}`.trimEnd();
    case 'server.idle_timeout':
      return `timer:${c.timer?.timer.seconds ?? Math.round(c.silent ?? 0)}s`;
    case 'server.pool_exhausted':
    case 'server.auth_slow':
    case 'server.tls_misconfig':
    case 'server.storage_slow':
      return `server:${c.s.host ?? c.s.serverIp ?? 'unknown'}`;
    default:
      return label satisfies never;
  }
}

const round = (p: number): number => Math.round(p * 10_000) / 10_000;
