/** Builds a profile, with the events behind it, from what a test says of them. Weights are invented; probabilities follow from value times weight by softmax. */
import type { EventDocument } from '../outputs/output.ts';
import { withIndicators } from '../processors/profile/indicators.ts';
import {
  type Alternative,
  CAUSE_LABELS,
  type Cause,
  type CauseLabel,
  type ClockNote,
  type Evidence,
  type MissingSource,
  type Outcome,
  type Phase,
  type PhaseName,
  type Profile,
  type Remedy,
} from '../processors/profile/profile.ts';

export interface SampleSession {
  readonly profile: Profile;
  readonly events: readonly EventDocument[];
}

/** A line of a sample: `atMs` after the start of the session. `host` defaults to mx1. */
interface SampleLine {
  readonly atMs: number;
  readonly dataset: string;
  readonly action: string;
  readonly original: string;
  readonly host?: string;
  readonly file?: string;
}

interface SampleEvidence {
  readonly name: string;
  readonly kind: Evidence['kind'];
  readonly text: string;
  readonly value?: number;
  readonly weights: Evidence['weights'];
  readonly lines?: readonly number[]; // indexes of `lines`
}

export interface SampleSpec {
  readonly id: string;
  readonly startMs: number; // UTC epoch
  readonly durationMs: number;
  readonly user: string | null;
  readonly clientIp: string;
  readonly sourceIp?: string; // default: clientIp
  readonly sourcePort?: number;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly stalledIn: PhaseName | null;
  /** Name, start after the session's, duration or null, outcome. */
  readonly phases: readonly (readonly [PhaseName, number, number | null, Phase['outcome']])[];
  readonly lines: readonly SampleLine[];
  readonly label: CauseLabel;
  readonly evidence: readonly SampleEvidence[];
  readonly whyNot?: Readonly<Partial<Record<CauseLabel, string>>>;
  readonly missing?: readonly MissingSource[];
  readonly remedy?: Remedy | null;
  readonly scope?: string | null;
  readonly vpn?: Profile['imapwhy']['path']['vpn'];
  readonly waf?: string;
  readonly proxy?: string;
  readonly poolUsed?: number;
  readonly clock?: readonly ClockNote[];
  readonly tls?: Profile['tls'];
  readonly agent?: string;
  readonly dovecotId?: string | null;
  readonly mechanism?: string | null;
  readonly bytes?: number;
  readonly tags?: readonly string[];
  readonly revision?: number;
}

export const LAYER_OWNERS = {
  network: 'network',
  server: 'operations',
  client: 'service desk',
  security: 'security',
} as const;

/** Log-odds that every label starts from: failures are rare, and some causes rarer than others. Invented. */
const BASE: Readonly<Record<CauseLabel, number>> = {
  'network.packet_loss': -4.2,
  'network.path_flap': -5.1,
  'network.qos_starvation': -5.4,
  'network.client_vanished': -3.6,
  'server.pool_exhausted': -4.8,
  'server.auth_slow': -4.9,
  'server.tls_misconfig': -5.2,
  'server.idle_timeout': -3.9,
  'server.storage_slow': -4.9,
  'client.legacy_tls': -5,
  'client.stale_token': -4.6,
  'client.no_auth': -4.4,
  'client.too_many_connections': -4.9,
  'client.protocol_error': -5.3,
  'security.waf_false_positive': -4.7,
  'security.rate_limit': -4.6,
  'security.vpn_down': -4.8,
  'security.vpn_bottleneck': -5.2,
  'security.attack': -4.3,
  none: 0,
};

const BASE_EVIDENCE: Evidence = {
  name: 'base',
  kind: 'sequence',
  text: 'How common each cause is before anything is known about the session.',
  value: 1,
  weights: BASE,
  lines: [],
};

export function sampleSession(spec: SampleSpec): SampleSession {
  const iso = (afterMs: number) => new Date(spec.startMs + afterMs).toISOString();
  const lineId = (index: number) => `${spec.id}-e${String(index).padStart(3, '0')}`;
  const evidence = [BASE_EVIDENCE, ...spec.evidence.map((e) => buildEvidence(e, spec, iso, lineId))];
  const cause = buildCause(spec, evidence);
  const sourceIp = spec.sourceIp ?? spec.clientIp;
  const profile: Profile = withIndicators({
    '@timestamp': iso(0),
    ecs: { version: '9.4.0' },
    event: {
      kind: 'event',
      category: ['session'],
      type: ['info'],
      dataset: 'imapwhy.profile',
      start: iso(0),
      end: iso(spec.durationMs),
      duration: spec.durationMs * 1e6,
      outcome: spec.outcome === 'ok' ? 'success' : spec.outcome === 'unknown' ? 'unknown' : 'failure',
      reason: spec.reason,
    },
    source: { ip: sourceIp, port: spec.sourcePort ?? 50_123 },
    client: { ip: spec.clientIp },
    server: { ip: '192.0.2.10', port: 993 },
    user: { name: spec.user },
    network: { protocol: 'imaps', bytes: spec.bytes ?? null },
    tls: spec.tls ?? { version: '1.3', cipher: 'TLS_AES_256_GCM_SHA384', established: true },
    user_agent: { name: spec.agent ?? null },
    host: { name: 'mx1' },
    related: {
      ip: [...new Set([spec.clientIp, sourceIp, '192.0.2.10'])],
      user: spec.user === null ? [] : [spec.user],
      hosts: [...new Set(spec.lines.map((l) => l.host ?? 'mx1'))],
    },
    tags: spec.tags ?? [],
    imapwhy: {
      session: { id: spec.id, dovecot_id: spec.dovecotId ?? null },
      decided_at: iso(spec.durationMs),
      auth: { mechanism: spec.mechanism ?? null },
      outcome: spec.outcome,
      phases: spec.phases.map(([name, after, duration_ms, outcome]) => ({
        name,
        start: iso(after),
        duration_ms,
        outcome,
        precision_ms: name === 'tcp' ? 1 : 1000,
        source: name === 'tcp' ? 'haproxy.tcp' : 'dovecot.login',
      })),
      stalled_in: spec.stalledIn,
      path: { vpn: spec.vpn ?? null, waf: spec.waf ?? null, proxy: spec.proxy ?? null },
      context: { pool_used: spec.poolUsed ?? null },
      clock: spec.clock ?? [],
      events: spec.lines.map((l, i) => ({ id: lineId(i), at: iso(l.atMs), dataset: l.dataset, action: l.action })),
      events_omitted: 0,
      cause,
      revision: spec.revision ?? 1,
    },
  });
  return { profile, events: spec.lines.map((l, i) => buildEvent(l, lineId(i), spec.id, iso(l.atMs))) };
}

function buildEvidence(
  e: SampleEvidence,
  spec: SampleSpec,
  iso: (afterMs: number) => string,
  lineId: (index: number) => string,
): Evidence {
  const lines = (e.lines ?? []).flatMap((index) => {
    const line = spec.lines[index];
    return line ? [{ id: lineId(index), at: iso(line.atMs), dataset: line.dataset, original: line.original }] : [];
  });
  return { name: e.name, kind: e.kind, text: e.text, value: e.value ?? 1, weights: e.weights, lines };
}

function buildCause(spec: SampleSpec, evidence: readonly Evidence[]): Cause {
  const odds = CAUSE_LABELS.map((label) => evidence.reduce((sum, e) => sum + e.value * (e.weights[label] ?? 0), 0));
  const total = odds.reduce((sum, x) => sum + Math.exp(x), 0);
  const ranked = CAUSE_LABELS.map((label, i) => ({ label, probability: Math.exp(odds[i] ?? 0) / total })).sort(
    (a, b) => b.probability - a.probability,
  );
  const layer = layerOf(spec.label);
  const alternatives: Alternative[] = ranked
    .filter((r) => r.label !== spec.label)
    .slice(0, 2)
    .map((r) => ({ ...r, why_not: spec.whyNot?.[r.label] ?? 'nothing speaks for it but how common it is' }));
  return {
    label: spec.label,
    layer,
    owner: layer === null ? null : LAYER_OWNERS[layer],
    probability: ranked.find((r) => r.label === spec.label)?.probability ?? 0,
    alternatives,
    evidence,
    missing_sources: spec.missing ?? [],
    remedy: spec.remedy ?? null,
    scope: spec.scope ?? null,
  };
}

export function layerOf(label: CauseLabel): Cause['layer'] {
  if (label.startsWith('network.')) return 'network';
  if (label.startsWith('server.')) return 'server';
  if (label.startsWith('client.')) return 'client';
  return label === 'none' ? null : 'security';
}

function buildEvent(line: SampleLine, id: string, session: string, at: string): EventDocument {
  return {
    id,
    session,
    document: {
      '@timestamp': at,
      ecs: { version: '9.4.0' },
      event: { id, dataset: line.dataset, action: line.action, original: line.original },
      host: { name: line.host ?? 'mx1' },
      log: { file: { path: line.file ?? 'mail.log' } },
    },
  };
}

/** Sample sessions are of one day. */
const DAY = Date.UTC(2026, 2, 17); // a Tuesday
/** UTC ms of a time of that day. */
export const at = (hour: number, minute: number, second = 0, ms = 0): number =>
  DAY + ((hour * 60 + minute) * 60 + second) * 1000 + ms;
