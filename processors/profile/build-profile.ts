import { hash } from 'node:crypto';
import type { ClosedSession } from '../correlate/correlate.ts';
import { inLineOrder, pathAddress, type Session } from '../correlate/session.ts';
import { kindNamed } from '../correlate/texts.ts';
import { tlsVersionNumber } from '../tls-version.ts';
import { withIndicators } from './indicators.ts';
import { isoTime } from './iso-time.ts';
import { stalledIn } from './outcome.ts';
import { phasesOf } from './phases.ts';
import type { Cause, ClockNote, Outcome, Profile } from './profile.ts';

/** What the profile must know of the sources: ids and names by index, and what was done to their clocks. */
export interface SourceFacts {
  eventId(source: number, offset: number): string;
  clock(source: number): ClockNote | undefined;
}

/**
 * Revision of a document: the engine's epoch, then how many lines this judgement knew. More knowledge or a newer engine gives a higher
 * number; batching and arrival order do not enter.
 */
export function revisionOf(epoch: number, knowledge: number): number {
  return epoch * 1_000_000_000 + Math.min(knowledge, 999_999_999);
}

/** A session's id comes from what cannot change: time, address and port in Dovecot's session id, else those of its first line. */
export function sessionId(s: Session): string {
  const address = s.kind === 'request' ? pathAddress(s) : s.sourceIp;
  const anchor =
    s.dovecotId !== undefined && s.startBasis === 'dovecot.session_id'
      ? `d ${s.dovecotId}`
      : `${s.kind} ${address ?? ''} ${s.sourcePort ?? ''} ${Math.floor(s.firstAt)} ${s.requests[0]?.path ?? s.user ?? ''}`;
  return hash('sha256', anchor).slice(0, 20);
}

export function buildProfile(
  closed: ClosedSession,
  outcome: Outcome,
  cause: Cause,
  facts: SourceFacts,
  epoch: number,
): Profile {
  const s = closed.session;
  const start = Math.min(s.startedAt, s.kind === 'request' ? s.firstAt : s.startedAt);
  const end = Math.max(start, s.endedAt ?? s.lastAt);
  const startTime = isoTime(start);
  // That it went well in the end was to be seen when it had logged in; that it failed later, only then.
  const decidedAt = outcome === 'ok' && s.loggedInAt !== undefined ? Math.max(start, s.loggedInAt) : end;
  const web = s.requests.at(-1);
  const events = [];
  const sources = new Set<number>();
  for (const i of inLineOrder(s)) {
    const source = s.lines[3 * i] ?? 0;
    const { dataset, action } = kindNamed(s.lineKinds[i] ?? '');
    sources.add(source);
    events.push({
      id: facts.eventId(source, s.lines[3 * i + 1] ?? 0),
      at: isoTime(s.lines[3 * i + 2] ?? 0),
      dataset,
      action,
    });
  }
  const clock = [...sources]
    .sort((a, b) => a - b)
    .map((n) => facts.clock(n))
    .filter((note) => note !== undefined);
  const bytes = s.flow
    ? (s.flow.up?.bytes ?? 0) + (s.flow.down?.bytes ?? 0)
    : s.postLogin?.bytesOut !== undefined
      ? s.postLogin.bytesOut + (s.postLogin.bytesIn ?? 0)
      : null;
  const monitor = closed.surroundings?.client.rhythmic === true && closed.surroundings.client.logins === 0;
  return withIndicators({
    '@timestamp': startTime,
    ecs: { version: '9.4.0' },
    event: {
      kind: 'event',
      category: ['session'],
      type: ['info'],
      dataset: 'imapwhy.profile',
      start: startTime,
      end: isoTime(end),
      duration: Math.round(end - start) * 1_000_000,
      outcome: outcome === 'ok' ? 'success' : outcome === 'unknown' ? 'unknown' : 'failure',
      reason: s.postLogin?.reason ?? s.preLogin?.reason ?? s.proxy?.reason ?? null,
    },
    source: { ip: s.sourceIp ?? null, port: s.sourcePort ?? null },
    client: { ip: s.clientIp ?? null },
    server: { ip: s.serverIp ?? null, port: s.serverPort ?? null },
    user: { name: s.user ?? null },
    network: { protocol: s.protocol ?? null, bytes },
    tls: {
      version: s.tlsVersion === undefined ? null : tlsVersionNumber(s.tlsVersion),
      cipher: s.tlsCipher ?? null,
      established: s.tls === undefined ? null : s.tls === 'established',
    },
    user_agent: { name: s.client ?? web?.userAgent ?? null },
    host: { name: s.host ?? null },
    related: {
      ip: distinct([s.sourceIp, s.clientIp, s.serverIp]),
      user: distinct([s.user]),
      hosts: distinct([s.host, web?.host]),
    },
    tags: monitor ? [...s.tags, 'health_check'] : s.tags,
    imapwhy: {
      session: { id: sessionId(s), dovecot_id: s.dovecotId ?? null },
      decided_at: isoTime(decidedAt),
      auth: { mechanism: s.mechanism ?? null },
      outcome,
      phases: phasesOf(s),
      stalled_in: stalledIn(s, outcome),
      path: {
        vpn: s.vpn
          ? {
              name: s.vpn.name,
              assigned_ip: s.vpn.assignedIp,
              rekeyed: s.vpn.rekeyedAt.some((at) => at <= decidedAt),
            }
          : null,
        waf: web?.host ?? null,
        proxy: s.proxy?.frontend ?? null,
      },
      context: { pool_used: closed.poolFull ? 1 : null },
      clock,
      events,
      events_omitted: s.linesOmitted,
      cause,
      revision: revisionOf(epoch, closed.knowledge),
    },
  });
}

function distinct(values: readonly (string | undefined)[]): string[] {
  const kept: string[] = [];
  for (const v of values) if (v !== undefined && v !== '' && !kept.includes(v)) kept.push(v);
  return kept;
}
