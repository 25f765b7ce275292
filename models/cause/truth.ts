import type { CauseLabel, Profile } from '../../processors/profile/profile.ts';
import { CAUSE_LABELS } from '../../processors/profile/profile.ts';

/** One session attempt of a lab corpus (truth.ndjson), as far as fitting and scoring need it. */
export interface TruthSession {
  readonly session: number;
  readonly start: number;
  readonly user: string | null;
  readonly ips: readonly string[];
  readonly ports: readonly number[];
  readonly dovecotId: string | null;
  readonly cause: CauseLabel;
  readonly candidates: readonly string[];
  readonly ambiguous: boolean;
  /** The injected fault that it met, whether it failed for it or not. */
  readonly faultId: string | null;
  readonly outcome: string;
  readonly trace: string;
  readonly end: number;
}

/** Reads one line of truth.ndjson. Throws a TypeError that names the line's fault: a corpus is ours, not hostile input. */
export function parseTruth(line: string): TruthSession {
  const t: unknown = JSON.parse(line);
  if (!isRecord(t)) throw new TypeError('truth: not an object');
  const cause = CAUSE_LABELS.find((label) => label === t.cause);
  if (cause === undefined || typeof t.session !== 'number' || typeof t.start !== 'string')
    throw new TypeError(`truth: bad session ${String(t.session)}`);
  const http = Array.isArray(t.http) ? t.http.filter(isRecord) : [];
  const start = Date.parse(t.start);
  return {
    session: t.session,
    start,
    end: typeof t.end === 'string' ? Date.parse(t.end) : start,
    user: typeof t.user === 'string' ? t.user : null,
    ips: [t.client_ip, t.vpn_ip].filter((ip) => typeof ip === 'string' && ip !== '').map(String),
    ports: [t.src_port, ...http.map((h) => h.src_port)].filter((p) => typeof p === 'number').map(Number),
    dovecotId: typeof t.dovecot_session === 'string' ? t.dovecot_session : null,
    cause,
    candidates: Array.isArray(t.candidates) ? t.candidates.map(String) : [],
    ambiguous: t.ambiguous === true,
    faultId: typeof t.fault_id === 'string' ? t.fault_id : null,
    outcome: String(t.outcome),
    trace: String(t.trace ?? 'none'),
  };
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null;

/** What a profile is found by. */
export interface Findable {
  readonly dovecotId: string | null;
  readonly ips: readonly string[];
  readonly port: number | null;
  readonly user: string | null;
  readonly start: number;
}

export function findable(p: Profile): Findable {
  return {
    dovecotId: p.imapwhy.session.dovecot_id,
    ips: [...new Set([p.source.ip, p.client.ip, p.imapwhy.path.vpn?.assigned_ip ?? null])].flatMap((ip) =>
      ip === null ? [] : [ip],
    ),
    port: p.source.port,
    user: p.user.name,
    start: Date.parse(p.event.start),
  };
}

/**
 * Matches truth to profiles: by Dovecot session id; by address and port within 30 s; by address and user within 5 s; for sessions that no
 * Dovecot line shows, by address alone within 5 s. One profile answers for one session. Returns the profile's index per truth session.
 */
export function matchTruth(truth: readonly TruthSession[], profiles: readonly Findable[]): ReadonlyMap<number, number> {
  const byId = new Map<string, number>();
  const byPort = new Map<string, number[]>();
  const byUser = new Map<string, number[]>();
  const push = (map: Map<string, number[]>, key: string, i: number) => {
    const list = map.get(key);
    if (list) list.push(i);
    else map.set(key, [i]);
  };
  profiles.forEach((p, i) => {
    if (p.dovecotId !== null) byId.set(p.dovecotId, i);
    for (const ip of p.ips) {
      if (p.port !== null) push(byPort, `${ip} ${p.port}`, i);
      push(byUser, `${ip} ${p.user ?? ''}`, i);
      push(byUser, `${ip} *`, i);
    }
  });
  const used = new Set<number>();
  const nearest = (list: readonly number[] | undefined, at: number, limit: number): number | undefined => {
    let best: number | undefined;
    let distance = limit;
    for (const i of list ?? []) {
      if (used.has(i)) continue;
      const d = Math.abs((profiles[i]?.start ?? Number.NaN) - at);
      if (d < distance || (d === distance && best === undefined)) {
        best = i;
        distance = d;
      }
    }
    return best;
  };
  const matches = new Map<number, number>();
  const ordered = [...truth].sort((a, b) => Number(a.dovecotId === null) - Number(b.dovecotId === null));
  for (const t of ordered) {
    let i = t.dovecotId === null ? undefined : byId.get(t.dovecotId);
    if (i !== undefined && used.has(i)) i = undefined;
    for (const ip of t.ips) for (const port of t.ports) i ??= nearest(byPort.get(`${ip} ${port}`), t.start, 30_000);
    for (const ip of t.ips) i ??= nearest(byUser.get(`${ip} ${t.user ?? ''}`), t.start, 5000);
    if (t.dovecotId === null) for (const ip of t.ips) i ??= nearest(byUser.get(`${ip} *`), t.start, 5000);
    if (i === undefined) continue;
    used.add(i);
    matches.set(t.session, i);
  }
  return matches;
}
