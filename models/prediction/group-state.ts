import { DecayedMeans } from '../math/decayed-mean.ts';
import type { Packer, Unpacker } from '../math/packing.ts';
import { isFailure, NAME_BYTES_MAX } from './attempt.ts';
import type { FeatureWriter } from './features.ts';
import type { Observation } from './observation.ts';
import { Pending } from './pending.ts';

const MINUTE_MS = 60_000;
const SCALES_MS = [2 * MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS, 360 * MINUTE_MS];
/** Share that each new outcome takes: about the last one, three, ten and thirty. They follow the key's own rhythm, where minutes do not. */
const SHARES = [0.5, 0.2, 0.07];
const LATENESS_SHARES = [0.5, 0.2, 0.05];
const PEERS_MAX = 6;
const PEER_MEMORY_MS = 15 * MINUTE_MS;
const PRIOR_WEIGHT = 1;

export const GROUP_FEATURES = [
  'failed_2m',
  'failed_10m',
  'failed_1h',
  'failed_6h',
  'failed_last2',
  'failed_last5',
  'failed_last15',
  'blamed_10m',
  'blamed_last5',
  'peers_failed',
  'peers_known',
  'lateness_2m',
  'lateness_10m',
  'lateness_1h',
  'lateness_last2',
  'lateness_last5',
  'lateness_last20',
  'tls_lateness_last5',
  'auth_lateness_last5',
  'since_failure',
  'since_success',
  'failure_streak',
  'success_streak',
  'pending',
  'pending_oldest',
  'pending_overdue',
  'decided_10m',
  'decided_ratio',
] as const;

/** A client of the group with its latest outcome. */
interface Peer {
  readonly client: string;
  readonly at: number;
  readonly failed: boolean;
}

/** What is remembered of a network, a server or a tunnel. */
export class GroupState {
  readonly pending = new Pending();
  readonly #failed = new DecayedMeans(SCALES_MS);
  readonly #blamed = new DecayedMeans([10 * MINUTE_MS]);
  readonly #lateness = new DecayedMeans(SCALES_MS.slice(0, 3));
  #failedLast = SHARES.map(() => Number.NaN);
  #latenessLast = LATENESS_SHARES.map(() => 0);
  readonly #peers: Peer[] = [];
  #blamedLast = 0;
  #tlsLateness = 0;
  #authLateness = 0;
  #lastFailure = Number.NaN;
  #lastSuccess = Number.NaN;
  #failureStreak = 0;
  #successStreak = 0;
  #usualMs = 200;

  /** Failure rate of the last five or so, for sharing out the blame for a failure. */
  recentRate(base: number): number {
    const rate = this.#failedLast[1] ?? Number.NaN;
    return Number.isNaN(rate) ? base : rate;
  }

  observe(o: Observation, base: number, blame: number): void {
    const { at, kind } = o.decision;
    if (kind === 'unknown') return;
    // A refused password or token says nothing about the path or the server.
    const failed = isFailure(kind) && kind !== 'auth_failed';
    const y = failed ? 1 : 0;
    this.#failed.observe(at, y);
    this.#blamed.observe(at, failed ? blame : 0);
    this.#blamedLast += 0.2 * ((failed ? blame : 0) - this.#blamedLast);
    SHARES.forEach((share, i) => {
      const old = this.#failedLast[i] ?? Number.NaN;
      this.#failedLast[i] = (Number.isNaN(old) ? base : old) * (1 - share) + share * y;
    });
    if (failed) {
      this.#lastFailure = at;
      this.#failureStreak++;
      this.#successStreak = 0;
    } else {
      this.#lastSuccess = at;
      this.#successStreak++;
      this.#failureStreak = 0;
      this.#usualMs += 0.05 * (Math.min(at - o.attempt.at, 5000) - this.#usualMs);
    }
    this.#observeLateness(o);
    if (o.attempt.client !== undefined) this.#observePeer({ client: o.attempt.client, at: o.attempt.at, failed });
  }

  #observeLateness(o: Observation): void {
    if (!Number.isNaN(o.tcpLateness)) {
      this.#lateness.observe(o.decision.at, o.tcpLateness);
      LATENESS_SHARES.forEach((share, i) => {
        const old = this.#latenessLast[i] ?? 0;
        this.#latenessLast[i] = old + share * (o.tcpLateness - old);
      });
    }
    if (!Number.isNaN(o.tlsLateness)) this.#tlsLateness += 0.2 * (o.tlsLateness - this.#tlsLateness);
    if (!Number.isNaN(o.authLateness)) this.#authLateness += 0.2 * (o.authLateness - this.#authLateness);
  }

  #observePeer(peer: Peer): void {
    const i = this.#peers.findIndex((p) => p.client === peer.client);
    if (i >= 0) this.#peers.splice(i, 1);
    else if (this.#peers.length >= PEERS_MAX) this.#peers.shift();
    this.#peers.push(peer);
  }

  pack(to: Packer): void {
    this.pending.pack(to);
    for (const means of [this.#failed, this.#blamed, this.#lateness]) means.pack(to);
    to.numbers(this.#failedLast);
    to.numbers(this.#latenessLast);
    to.number(this.#peers.length);
    for (const peer of this.#peers) {
      to.text(peer.client);
      to.number(peer.at);
      to.number(peer.failed ? 1 : 0);
    }
    to.numbers([
      this.#blamedLast,
      this.#tlsLateness,
      this.#authLateness,
      this.#lastFailure,
      this.#lastSuccess,
      this.#failureStreak,
      this.#successStreak,
      this.#usualMs,
    ]);
  }

  unpack(from: Unpacker): void {
    this.pending.unpack(from);
    for (const means of [this.#failed, this.#blamed, this.#lateness]) means.unpack(from);
    this.#failedLast = from.numbers(SHARES.length);
    this.#latenessLast = from.numbers(LATENESS_SHARES.length);
    for (let n = from.number(); n > 0; n--)
      this.#peers.push({ client: from.text(NAME_BYTES_MAX), at: from.number(), failed: from.number() === 1 });
    from.number(); // how many follow
    this.#blamedLast = from.number();
    this.#tlsLateness = from.number();
    this.#authLateness = from.number();
    this.#lastFailure = from.number();
    this.#lastSuccess = from.number();
    this.#failureStreak = from.number();
    this.#successStreak = from.number();
    this.#usualMs = from.number();
  }

  /** In the order of GROUP_FEATURES. */
  describe(at: number, client: string | undefined, base: number, out: FeatureWriter): void {
    for (let i = 0; i < SCALES_MS.length; i++) out.put(this.#failed.mean(i, at, base, PRIOR_WEIGHT));
    for (const rate of this.#failedLast) out.put(Number.isNaN(rate) ? base : rate);
    out.put(this.#blamed.mean(0, at, 0, PRIOR_WEIGHT));
    out.put(this.#blamedLast);
    this.#describePeers(at, client, base, out);
    for (let i = 0; i < 3; i++) out.put(this.#lateness.mean(i, at, 0, PRIOR_WEIGHT));
    for (const lateness of this.#latenessLast) out.put(lateness);
    out.put(this.#tlsLateness);
    out.put(this.#authLateness);
    out.span(at - this.#lastFailure);
    out.span(at - this.#lastSuccess);
    out.put(Math.log1p(this.#failureStreak));
    out.put(Math.log1p(this.#successStreak));
    out.put(Math.log1p(this.pending.count));
    out.span(this.pending.oldestAge(at));
    out.put(this.pending.overdue(at, this.#usualMs));
    const recent = this.#failed.weight(1, at);
    out.put(Math.log1p(recent));
    out.put(Math.log((recent + 1) / (this.#failed.weight(3, at) / 36 + 1)));
  }

  /** Latest outcomes of the other clients: one that keeps retrying must not look like an outage of all. */
  #describePeers(at: number, client: string | undefined, base: number, out: FeatureWriter): void {
    let sum = base;
    let weight = 1;
    for (const peer of this.#peers) {
      if (peer.client === client) continue;
      const w = Math.exp(-Math.max(0, at - peer.at) / PEER_MEMORY_MS);
      weight += w;
      if (peer.failed) sum += w;
    }
    out.put(sum / weight);
    out.put(weight - 1);
  }
}
