import { networkOf } from '../../processors/resolve/network.ts';

/**
 * What is known of an attempt when it begins: who, from where, to where, over which tunnel, by which mechanism, and when. There is no outcome
 * in this type, so that no feature of an attempt can come from its own.
 */
export interface Attempt {
  readonly id: string;
  /** UTC epoch ms. */
  readonly at: number;
  /** Whoever connects: the user, else the address. Undefined when the logs tell neither. */
  readonly client: string | undefined;
  readonly network: string | undefined;
  readonly server: string | undefined;
  readonly tunnel: string | undefined;
  readonly mechanism: 'password' | 'token' | undefined;
}

/**
 * The order in which attempts begin, 0 only for those that cannot be told apart: whoever reads them from finished profiles takes them in the
 * same order as whoever saw them come.
 */
export function byStart(a: Attempt, b: Attempt): number {
  if (a.at !== b.at) return a.at - b.at;
  const [left, right] = [namesOf(a), namesOf(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

const namesOf = (a: Attempt): string => [a.client, a.network, a.server, a.tunnel, a.mechanism, a.id].join('\n');

export const DECISION_KINDS = ['ok', 'timeout_tls', 'timeout_auth', 'auth_failed', 'other_failure', 'unknown'] as const;
export type DecisionKind = (typeof DECISION_KINDS)[number];

/** What becomes known when an attempt is decided. Milliseconds; undefined is what the logs do not show. */
export interface Decision {
  readonly at: number;
  readonly kind: DecisionKind;
  readonly tcpMs: number | undefined;
  readonly tlsMs: number | undefined;
  readonly authMs: number | undefined;
  /** Share of the server's connection pool in use, as measured at the attempt. */
  readonly poolUsed: number | undefined;
  /** A re-key of the tunnel was seen during the attempt. */
  readonly rekeyed: boolean;
}

export interface AttemptRecord {
  readonly attempt: Attempt;
  /** How it ended. */
  readonly decision: Decision;
  /** It had logged in and failed later: that it succeeded at first was known long before. */
  readonly loggedIn?: Decision | undefined;
  readonly revision: number;
}

export const isFailure = (kind: DecisionKind): boolean => kind !== 'ok' && kind !== 'unknown';

export type ReadAttempt =
  | { readonly kind: 'attempt'; readonly record: AttemptRecord }
  | { readonly kind: 'problem'; readonly field: string; readonly need: string };

/** Names longer than this are cut: an attacker chooses them, and each is the key of a state. */
const NAME_MAX = 128;
/** A character has at most three bytes, or two have four. */
export const NAME_BYTES_MAX = 3 * NAME_MAX;
/** A connection that takes longer than this to begin has stopped being one attempt. */
const DURATION_MAX_MS = 86_400_000;
const PHASES_MAX = 16;

/** Reads a profile document (docs/data-model.md). Anything else gives the field that is missing; never throws. */
export function readAttempt(document: unknown): ReadAttempt {
  const event = field(document, 'event');
  const own = field(document, 'imapwhy');
  const id = text(field(field(own, 'session'), 'id'));
  if (id === undefined) return { kind: 'problem', field: 'imapwhy.session.id', need: 'a text' };
  const at = moment(field(event, 'start'));
  if (at === undefined) return { kind: 'problem', field: 'event.start', need: 'an ISO 8601 time' };
  const decided = moment(field(own, 'decided_at'));
  if (decided === undefined) return { kind: 'problem', field: 'imapwhy.decided_at', need: 'an ISO 8601 time' };
  const outcome = text(field(event, 'outcome'));
  if (outcome !== 'success' && outcome !== 'failure' && outcome !== 'unknown')
    return { kind: 'problem', field: 'event.outcome', need: 'success, failure or unknown' };
  const address = text(field(field(document, 'client'), 'ip')) ?? text(field(field(document, 'source'), 'ip'));
  const vpn = field(field(own, 'path'), 'vpn');
  const stalledIn = text(field(own, 'stalled_in'));
  const loggedInAt = outcome === 'success' || stalledIn === 'auth' ? undefined : loginTime(field(own, 'phases'));
  const wasIn = outcome === 'success' || loggedInAt !== undefined;
  const phases = phaseTimes(field(own, 'phases'), wasIn);
  const decision = {
    at: Math.max(at, decided),
    kind: decisionKind(outcome, text(field(own, 'outcome')), stalledIn),
    tcpMs: phases.get('tcp'),
    tlsMs: phases.get('tls'),
    authMs: phases.get('auth'),
    poolUsed: share(field(field(own, 'context'), 'pool_used')),
    rekeyed: field(vpn, 'rekeyed') === true,
  };
  const revision = field(own, 'revision');
  return {
    kind: 'attempt',
    record: {
      attempt: attemptOf(id, at, {
        user: field(field(document, 'user'), 'name'),
        address,
        server: text(field(field(document, 'server'), 'ip')) ?? field(field(document, 'host'), 'name'),
        tunnel: field(vpn, 'name'),
        mechanism: field(field(own, 'auth'), 'mechanism'),
      }),
      // How long the phases took was known when it had logged in.
      decision:
        loggedInAt === undefined ? decision : { ...decision, tcpMs: undefined, tlsMs: undefined, authMs: undefined },
      ...(loggedInAt !== undefined && {
        loggedIn: { ...decision, at: Math.max(at, loggedInAt), kind: 'ok', poolUsed: undefined, rekeyed: false },
      }),
      revision: typeof revision === 'number' && Number.isFinite(revision) ? revision : 0,
    },
  };
}

/** What lines or a document say of an attempt; anything that is no text counts as not known. */
export interface AttemptNames {
  readonly user: unknown;
  readonly address: unknown;
  readonly server: unknown;
  readonly tunnel: unknown;
  readonly mechanism: unknown;
}

export function attemptOf(id: string, at: number, names: AttemptNames): Attempt {
  const address = text(names.address);
  return {
    id,
    at,
    client: text(names.user) ?? address,
    network: address === undefined ? undefined : networkOf(address),
    server: text(names.server),
    tunnel: text(names.tunnel),
    mechanism: mechanismOf(text(names.mechanism)),
  };
}

/** When it had logged in, from the phase that ended then; undefined if it had not. */
function loginTime(phases: unknown): number | undefined {
  if (!Array.isArray(phases)) return undefined;
  const auth = phases.slice(0, PHASES_MAX).find((phase) => field(phase, 'name') === 'auth');
  const start = moment(field(auth, 'start'));
  const ms = amount(field(auth, 'duration_ms'));
  return field(auth, 'outcome') === 'ok' && start !== undefined && ms !== undefined ? start + ms : undefined;
}

function decisionKind(event: string, outcome: string | undefined, stalledIn: string | undefined): DecisionKind {
  if (event === 'unknown') return 'unknown';
  if (event === 'success') return 'ok';
  if (outcome === 'auth_failed') return 'auth_failed';
  if (outcome === 'timeout') return stalledIn === 'auth' || stalledIn === 'command' ? 'timeout_auth' : 'timeout_tls';
  return 'other_failure';
}

function mechanismOf(name: string | undefined): 'password' | 'token' | undefined {
  if (name === undefined) return undefined;
  return /^(xoauth2?|oauthbearer)$/i.test(name) ? 'token' : 'password';
}

/**
 * Milliseconds of the phases that the logs show. `atLogin`: only what was known then. A flow record is written when the flow is over, so the phases
 * that it tells of were not.
 */
function phaseTimes(phases: unknown, atLogin: boolean): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  if (!Array.isArray(phases)) return times;
  for (const phase of phases.slice(0, PHASES_MAX)) {
    if (atLogin && text(field(phase, 'source'))?.startsWith('netflow.')) continue;
    const name = text(field(phase, 'name'));
    const ms = amount(field(phase, 'duration_ms'));
    if (name !== undefined && ms !== undefined && !times.has(name)) times.set(name, Math.min(ms, DURATION_MAX_MS));
  }
  return times;
}

/** A field that the document itself has; `__proto__` and the like are none. */
function field(of: unknown, name: string): unknown {
  if (typeof of !== 'object' || of === null) return undefined;
  return Object.getOwnPropertyDescriptor(of, name)?.value;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, NAME_MAX) : undefined;
}

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** Measured pools go a little over one. */
function share(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? Math.min(2, Math.max(0, value)) : undefined;
}

function moment(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const ms = Date.parse(value);
  return Number.isFinite(ms) ? ms : undefined;
}
