import { type DecodedSessionId, decodeSessionId } from '../parse/dovecot-session-id.ts';
import type { ParsedEvent } from '../parse/index.ts';

/**
 * Estimates, from events that two sources saw, how far each source's stamps are from true time: the zone that its stamps do not carry, and
 * the skew of its clock. The Dovecot session id holds true time to the microsecond, so Dovecot settles its own log; sources whose stamps
 * carry a zone are trusted; the others are compared with those, and what they share with one another in a second round.
 */

export interface ClockEstimate {
  /** To be added to every stamp of the source, ms. */
  readonly shiftMs: number;
  /** 0 to 1: how sure; 0 means "nothing to compare with", the assumed zone stands. */
  readonly confidence: number;
  readonly basis: string;
}

/**
 * What the session id says. Where it lies years from the stamp, whose year may be a guess from the time of a file that was copied or restored,
 * it is believed if it also holds the address of the line.
 */
function trueStart(session: string, at: number, ip: string | undefined): DecodedSessionId | undefined {
  const near = decodeSessionId(session, at);
  if (near || ip === undefined) return near;
  const far = decodeSessionId(session, Number.NaN);
  return far?.ip === ip ? far : undefined;
}

interface Anchor {
  readonly key: string;
  readonly at: number;
}

interface SourceAnchors {
  readonly own: number[]; // stamp minus true time, from session ids in the source's own lines
  readonly anchors: Anchor[];
  zoned: boolean;
  /** Its events may lie seconds before what they are compared with (a dropped SYN, its retransmission accepted): only the zone is believed. */
  loose: boolean;
  precisionMs: number;
  firstTrue: number | undefined;
  first: number;
  last: number;
}

const ANCHORS_MAX = 20_000;
const QUARTER_HOUR_MS = 900_000;
const DAY_MS = 86_400_000;
const OVERLAP_SLACK_MS = 600_000;

export class ClockSurvey {
  private readonly sources = new Map<number, SourceAnchors>();

  observe(e: ParsedEvent): void {
    if (e.dataset === 'unparsed') return;
    const source = e.line.source;
    let s = this.sources.get(source);
    if (!s) {
      s = {
        own: [],
        anchors: [],
        zoned: true,
        loose: false,
        precisionMs: e.stamp.precisionMs,
        firstTrue: undefined,
        first: e.stamp.at,
        last: e.stamp.at,
      };
      this.sources.set(source, s);
    }
    if (!e.stamp.zoned) s.zoned = false;
    s.first = Math.min(s.first, e.stamp.at);
    s.last = Math.max(s.last, e.stamp.at);
    if (s.anchors.length >= ANCHORS_MAX) return;
    const at = e.stamp.at;
    switch (e.dataset) {
      case 'dovecot.login': {
        const id = e.session === undefined ? undefined : trueStart(e.session, at, e.rip);
        if (!id) return;
        s.firstTrue ??= id.at;
        // Only lines that follow the start at once are compared; the end of a long wait says nothing about the clock.
        if (e.action === 'client-id' || e.action === 'logged-in') s.own.push(at - id.at);
        s.anchors.push({ key: `t ${id.ip} ${id.port}`, at: id.at });
        return;
      }
      case 'haproxy.connection':
        if (e.clientIp !== undefined && e.clientPort !== undefined)
          s.anchors.push({ key: `t ${e.clientIp} ${e.clientPort}`, at });
        return;
      case 'netflow.flow':
        if (e.flags.includes('S') && (e.destinationPort === 993 || e.destinationPort === 143))
          s.anchors.push({ key: `t ${e.sourceIp} ${e.sourcePort}`, at });
        return;
      case 'netfilter.packet':
        s.loose = true;
        if (e.sourcePort !== undefined && e.syn) s.anchors.push({ key: `t ${e.sourceIp} ${e.sourcePort}`, at });
        return;
      case 'modsecurity.audit':
      case 'modsecurity.error':
        if (e.transaction !== undefined) s.anchors.push({ key: `w ${e.transaction}`, at });
        if (e.clientIp !== undefined && e.path !== undefined) s.anchors.push({ key: `h ${e.clientIp} ${e.path}`, at });
        return;
      case 'nginx.access':
        if (e.path !== undefined) s.anchors.push({ key: `h ${e.clientIp} ${e.path}`, at });
        return;
      case 'nginx.error':
        if (e.clientIp !== undefined && e.path !== undefined) s.anchors.push({ key: `h ${e.clientIp} ${e.path}`, at });
        return;
      case 'openvpn.log':
        if (e.action === 'connected' && e.realIp !== undefined && e.realPort !== undefined)
          s.anchors.push({ key: `v ${e.realIp} ${e.realPort}`, at });
        return;
      case 'openvpn.status':
        if (e.connectedAt !== undefined && e.realIp !== undefined && e.realPort !== undefined)
          s.anchors.push({ key: `v ${e.realIp} ${e.realPort}`, at: e.connectedAt });
        return;
      default:
        return;
    }
  }

  /** True time near the source's beginning, from its own session ids; else the earliest of any source that knows: settles the year. */
  near(source: number): number | undefined {
    const own = this.sources.get(source)?.firstTrue;
    if (own !== undefined) return own;
    let known: number | undefined;
    for (const s of this.sources.values()) {
      const t = s.firstTrue ?? (s.zoned ? s.first : undefined);
      if (t !== undefined && (known === undefined || t < known)) known = t;
    }
    return known;
  }

  estimate(): ReadonlyMap<number, ClockEstimate> {
    const result = new Map<number, ClockEstimate>();
    for (const [index, s] of this.sources) {
      if (s.own.length >= 3) result.set(index, fromOwnIds(s));
      else if (s.zoned) result.set(index, { shiftMs: 0, confidence: 0.9, basis: 'its stamps carry a zone' });
    }
    for (let round = 0; round < 2; round++) {
      const reference = this.reference(result);
      const found: [number, ClockEstimate][] = [];
      for (const [index, s] of this.sources) {
        if (result.has(index)) continue;
        const estimate = compare(s, reference);
        if (estimate) found.push([index, estimate]);
      }
      for (const [index, estimate] of found) result.set(index, estimate);
    }
    const range = this.settledRange(result);
    for (const [index, s] of this.sources) {
      if (result.has(index) || !range) continue;
      const estimate = fromOverlap(s, range);
      if (estimate) result.set(index, estimate);
    }
    return result;
  }

  /** From when to when the settled sources tell. */
  private settledRange(
    settled: ReadonlyMap<number, ClockEstimate>,
  ): { readonly from: number; readonly to: number } | undefined {
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    for (const [index, { shiftMs }] of settled) {
      const s = this.sources.get(index);
      if (!s) continue;
      from = Math.min(from, s.first + shiftMs);
      to = Math.max(to, s.last + shiftMs);
    }
    return from < to ? { from, to } : undefined;
  }

  /** Corrected times by key, of the sources that are settled. Session ids give true time, so theirs are not shifted. */
  private reference(settled: ReadonlyMap<number, ClockEstimate>): ReadonlyMap<string, number[]> {
    const reference = new Map<string, number[]>();
    for (const [index, estimate] of settled) {
      const s = this.sources.get(index);
      if (!s) continue;
      const shift = s.own.length > 0 || s.zoned ? 0 : estimate.shiftMs;
      for (const a of s.anchors) {
        const list = reference.get(a.key);
        if (list) list.push(a.at + shift);
        else reference.set(a.key, [a.at + shift]);
      }
    }
    return reference;
  }
}

/** The first line of a session follows its start at once: the low end of the differences is the clock, the rest is waiting. */
function fromOwnIds(s: SourceAnchors): ClockEstimate {
  const sorted = [...s.own].sort((a, b) => a - b);
  const low = sorted[Math.floor(sorted.length * 0.1)] ?? 0;
  return split(low, s, sorted.length, 'the times inside Dovecot session ids');
}

/**
 * Last resort for a source that shares no event with any other: logs that are analysed together tell of the same time. If as they stand it does
 * not lie within the time of the others, but moved by a zone it does, it is moved by the least such zone. Never sure.
 */
function fromOverlap(
  s: SourceAnchors,
  range: { readonly from: number; readonly to: number },
): ClockEstimate | undefined {
  const length = Math.max(1, s.last - s.first);
  const overlap = (shift: number): number =>
    Math.max(
      0,
      Math.min(s.last + shift, range.to + OVERLAP_SLACK_MS) - Math.max(s.first + shift, range.from - OVERLAP_SLACK_MS),
    ) / length;
  if (overlap(0) > 0.5) return undefined;
  let best = 0;
  for (let hours = -14; hours <= 14; hours += 0.5) {
    const shift = hours * 3_600_000;
    if (
      overlap(shift) > overlap(best) + 0.01 ||
      (overlap(shift) > overlap(best) - 0.01 && Math.abs(shift) < Math.abs(best))
    )
      best = shift;
  }
  if (best === 0 || overlap(best) < 0.8) return undefined;
  return {
    shiftMs: best,
    confidence: 0.4,
    basis: `zone ${best < 0 ? '+' : '-'}${Math.abs(best) / 60_000} min, because only so its time is that of the other sources`,
  };
}

/**
 * The difference that most shared events agree on. A key may occur many times (the same client asks the same path again), so each event
 * votes for its difference to every occurrence within a day; votes are counted in bins of two seconds, and the fullest bin wins.
 */
function compare(s: SourceAnchors, reference: ReadonlyMap<string, number[]>): ClockEstimate | undefined {
  const votes = new Map<number, number[]>();
  let voters = 0;
  for (const a of s.anchors) {
    const times = reference.get(a.key);
    if (!times) continue;
    voters++;
    for (const t of times.length > 50 ? times.slice(0, 50) : times) {
      const d = a.at - t;
      if (Math.abs(d) > DAY_MS) continue;
      const bin = Math.round(d / 2000);
      const list = votes.get(bin);
      if (list) list.push(d);
      else votes.set(bin, [d]);
    }
  }
  if (voters < 3) return undefined;
  let best: number[] = [];
  for (const [bin, list] of votes) {
    const around = [...list, ...(votes.get(bin + 1) ?? [])];
    if (around.length > best.length) best = around;
  }
  if (best.length < 3 || best.length < voters * 0.2) return undefined;
  best.sort((a, b) => a - b);
  return split(best[Math.floor(best.length / 2)] ?? 0, s, best.length, 'events that it shares with other sources');
}

/** A difference is a zone (whole quarter hours) and a skew; a skew below what whole-second stamps can show is no skew. */
function split(difference: number, s: SourceAnchors, n: number, from: string): ClockEstimate {
  const zone = Math.round(difference / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
  let skew = difference - zone;
  if (s.precisionMs >= 1000 && skew > -1500 && skew < 2000) skew = 0;
  if (s.loose && Math.abs(skew) < 60_000) skew = 0;
  if (Math.abs(skew) < 50) skew = 0;
  const words = [];
  if (zone !== 0) words.push(`zone ${zone > 0 ? '+' : '-'}${Math.abs(zone) / 60_000} min`);
  if (skew !== 0) words.push(`skew ${Math.round(skew)} ms`);
  return {
    shiftMs: -(zone + skew),
    confidence: Math.min(0.99, 1 - 1 / (n + 1)),
    basis: `${words.length === 0 ? 'no difference' : words.join(', ')}, from ${n} comparisons with ${from}`,
  };
}
