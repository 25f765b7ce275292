import type { Standing } from './standing.ts';

/** The document about one finished session (docs/data-model.md). Field names are ECS 9.4, ours are under `imapwhy`. Times are ISO 8601 UTC. */
export interface Profile {
  readonly '@timestamp': string;
  readonly ecs: { readonly version: string };
  readonly event: {
    readonly kind: 'event';
    readonly category: readonly ['session'];
    readonly type: readonly ['info'];
    readonly dataset: 'imapwhy.profile';
    readonly start: string;
    readonly end: string;
    readonly duration: number; // nanoseconds
    readonly outcome: 'success' | 'failure' | 'unknown';
    readonly reason: string | null; // the daemon's own words for the end
  };
  readonly source: { readonly ip: string | null; readonly port: number | null }; // what the mail server saw
  readonly client: { readonly ip: string | null }; // the real one behind VPN or proxy
  readonly server: { readonly ip: string | null; readonly port: number | null };
  readonly user: { readonly name: string | null };
  readonly network: { readonly protocol: string | null; readonly bytes: number | null };
  readonly tls: {
    readonly version: string | null;
    readonly cipher: string | null;
    readonly established: boolean | null;
  };
  readonly user_agent: { readonly name: string | null };
  readonly host: { readonly name: string | null };
  readonly related: {
    readonly ip: readonly string[];
    readonly user: readonly string[];
    readonly hosts: readonly string[];
  };
  readonly tags: readonly string[]; // e.g. incomplete, evicted, health_check
  readonly imapwhy: ProfileDetails;
}

export interface ProfileDetails {
  readonly session: { readonly id: string; readonly dovecot_id: string | null };
  readonly decided_at: string;
  readonly auth: { readonly mechanism: string | null };
  readonly outcome: Outcome;
  readonly phases: readonly Phase[];
  readonly stalled_in: PhaseName | null;
  readonly path: {
    readonly vpn: { readonly name: string; readonly assigned_ip: string; readonly rekeyed: boolean } | null;
    readonly waf: string | null; // host name the request went to
    readonly proxy: string | null; // proxy frontend or address
  };
  readonly context: { readonly pool_used: number | null };
  readonly anomaly?: { readonly score: number }; // 0 to 1: how unusual it was around it; left out where that is not known
  readonly clock: readonly ClockNote[]; // corrections that were applied to this session's sources
  readonly events: readonly EventRef[]; // its lines in event-time order (bounded; `events_omitted` counts the rest)
  readonly events_omitted: number;
  readonly cause: Cause;
  readonly indicators: Indicators; // follows from the rest: `withIndicators`
  /** Only with a trained model (`analyze --model`). */
  readonly prediction?: Prediction;
  /** Only where a person has said what the cause was: `cause` then says the same. */
  readonly feedback?: Feedback;
  readonly revision: number;
}

/** What follows from the rest of it (`withIndicators`): numbers that a dashboard can count and average. */
export interface Indicators {
  readonly standing: Standing;
  /** The cause where there is one, `healthy` where it succeeded, else what it counts as. */
  readonly finding: Exclude<CauseLabel, 'none'> | 'healthy' | Exclude<Standing, 'succeeded'>;
  /** Of attempts that availability counts: 1 if it succeeded, else 0, so that the mean is the success rate; null for all others. */
  readonly success: 0 | 1 | null;
  /** Of legitimate users, from the connection to the login, ms; null without a login, or where stamps are too coarse to tell. */
  readonly setup_ms: number | null;
  /** Of legitimate users, the completed handshake, ms; null without one, or where stamps are too coarse to tell. */
  readonly tls_ms: number | null;
}

/** A person's answer, and what the model had said. */
export interface Feedback {
  readonly label: CauseLabel;
  readonly by: string;
  readonly at: string;
  readonly note: string | null;
  readonly model_label: CauseLabel;
  readonly model_probability: number;
}

/** The risk that this attempt would fail, from what was known before it began. */
export interface Prediction {
  readonly risk: number; // 0 to 1
  readonly model: string; // kind and beginning of the hash
  readonly basis: 'model' | 'base_rate'; // base_rate: nothing was known yet; never a reason for an alarm
  /** What the next attempt of each has to expect; null for what the session has not. */
  readonly next: {
    readonly client: number | null;
    readonly network: number | null;
    readonly server: number | null;
    readonly tunnel: number | null;
  };
}

export type Outcome = 'ok' | 'timeout' | 'refused' | 'auth_failed' | 'tls_failed' | 'reset' | 'blocked' | 'unknown';
export type PhaseName = 'tcp' | 'tls' | 'auth' | 'command' | 'idle';

export interface Phase {
  readonly name: PhaseName;
  readonly start: string;
  readonly duration_ms: number | null; // null: the logs cannot show it
  readonly outcome: 'ok' | 'failed' | 'unknown';
  readonly precision_ms: number;
  readonly source: string; // dataset that told it
}

export interface EventRef {
  readonly id: string;
  readonly at: string;
  readonly dataset: string;
  readonly action: string;
}

export interface ClockNote {
  readonly source: string;
  readonly shift_ms: number;
  readonly confidence: number; // 0 to 1
  readonly basis: string;
}

export interface Cause {
  readonly label: CauseLabel;
  readonly layer: 'network' | 'server' | 'client' | 'security' | null;
  readonly owner: string | null; // network, operations, service desk, security
  readonly probability: number;
  readonly alternatives: readonly Alternative[]; // the two best, by the model
  readonly evidence: readonly Evidence[];
  readonly missing_sources: readonly MissingSource[];
  readonly remedy: Remedy | null;
  readonly scope: string | null; // what this cause is shared by: `network:198.51.100.0/24`, `server:mx1`, `user:…`, `tunnel:…`, `rule:942100`
}

export interface Alternative {
  readonly label: CauseLabel;
  readonly probability: number;
  readonly why_not: string;
}

/** `weights` are log-odds for each label it speaks for or against; with the base weights they add up to the stated probability. */
export interface Evidence {
  readonly name: string;
  readonly kind: 'line' | 'company' | 'timer' | 'sequence';
  readonly text: string; // says why, in terms of the mechanism
  readonly value: number; // 0 to 1
  readonly weights: Readonly<Partial<Record<CauseLabel, number>>>;
  readonly lines: readonly EvidenceLine[]; // raw lines behind it (redacted)
}

export interface EvidenceLine {
  readonly id: string;
  readonly at: string;
  readonly dataset: string;
  readonly original: string;
}

export interface MissingSource {
  readonly source: string; // haproxy, waf, vpn, flow, firewall, auth …
  readonly enable: string; // the log setting that would give it
}

export interface Remedy {
  readonly summary: string;
  readonly setting: string | null; // exact setting
  readonly value: string | null;
  readonly file: string | null;
  readonly link: string;
}

export const CAUSE_LABELS = [
  'network.packet_loss',
  'network.path_flap',
  'network.qos_starvation',
  'network.client_vanished',
  'server.pool_exhausted',
  'server.auth_slow',
  'server.tls_misconfig',
  'server.idle_timeout',
  'server.storage_slow',
  'client.legacy_tls',
  'client.stale_token',
  'client.no_auth',
  'client.too_many_connections',
  'client.protocol_error',
  'security.waf_false_positive',
  'security.rate_limit',
  'security.vpn_down',
  'security.vpn_bottleneck',
  'security.attack',
  'none',
] as const;

export type CauseLabel = (typeof CAUSE_LABELS)[number];
