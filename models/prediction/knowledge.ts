import { Packer, Unpacker } from '../math/packing.ts';
import type { Attempt, AttemptRecord, Decision } from './attempt.ts';
import { CLIENT_FEATURES, ClientState } from './client-state.ts';
import { DecisionQueue, type DecisionQueueData, type Waiting } from './decision-queue.ts';
import type { FeatureWriter } from './features.ts';
import { GROUP_FEATURES, GroupState } from './group-state.ts';
import { KeyedStates, type PackedState } from './keyed-states.ts';
import type { Observation } from './observation.ts';
import { POOL_FEATURES, PoolState } from './pool-state.ts';
import { REKEY_FEATURES, RekeyState, RekeyWidth } from './rekey-state.ts';
import { SiteRates, type SiteRatesData } from './site-rates.ts';
import { type EventWindow, RecentEvents, type WindowEvent, windowEvent } from './window.ts';

const DAY_MS = 86_400_000;

/** Names of all features, in the order in which they are written. */
export const FEATURES: readonly string[] = [
  'hour_sine',
  'hour_cosine',
  'is_token',
  'has_tunnel',
  'all.failed_10m',
  'all.failed_1h',
  'all.base',
  ...CLIENT_FEATURES.map((name) => `client.${name}`),
  ...GROUP_FEATURES.map((name) => `network.${name}`),
  ...GROUP_FEATURES.map((name) => `server.${name}`),
  ...POOL_FEATURES.map((name) => `server.${name}`),
  ...GROUP_FEATURES.map((name) => `tunnel.${name}`),
  ...REKEY_FEATURES.map((name) => `tunnel.${name}`),
];

class NetworkState implements PackedState {
  readonly group = new GroupState();
  readonly recent = new RecentEvents();

  pack(to: Packer): void {
    this.group.pack(to);
    this.recent.pack(to);
  }

  unpack(from: Unpacker): void {
    this.group.unpack(from);
    this.recent.unpack(from);
  }
}

class ServerState extends NetworkState {
  readonly pool = new PoolState();

  override pack(to: Packer): void {
    super.pack(to);
    this.pool.pack(to);
  }

  override unpack(from: Unpacker): void {
    super.unpack(from);
    this.pool.unpack(from);
  }
}

class TunnelState extends NetworkState {
  readonly rekeys = new RekeyState();

  override pack(to: Packer): void {
    super.pack(to);
    this.rekeys.pack(to);
  }

  override unpack(from: Unpacker): void {
    super.unpack(from);
    this.rekeys.unpack(from);
  }
}

/** All that is no state of one key; survives JSON. */
export interface KnowledgeData {
  readonly queue: DecisionQueueData;
  readonly site: SiteRatesData;
  /** Base64. */
  readonly rekeyWidth: string;
  readonly decided: number;
}

const REKEY_WIDTH_BYTES_MAX = 256;

/**
 * All that is known at a moment, from profiles in the order of their start. The outcome of an attempt waits in a queue until the moment
 * at which it was decided; `describe` first lets in what was decided by then and nothing else.
 */
export class Knowledge {
  #queue = new DecisionQueue();
  readonly #clients: KeyedStates<ClientState>;
  readonly #networks: KeyedStates<NetworkState>;
  readonly #servers: KeyedStates<ServerState>;
  readonly #tunnels: KeyedStates<TunnelState>;
  readonly #site: SiteRates;
  readonly #rekeyWidth = new RekeyWidth();
  #decided = 0;

  /** Told of each outcome that is let in; training keeps them. */
  onLearned: ((event: WindowEvent) => void) | undefined;

  constructor(keysMax: number, data?: KnowledgeData) {
    this.#clients = new KeyedStates(keysMax, () => new ClientState());
    this.#networks = new KeyedStates(keysMax, () => new NetworkState());
    this.#servers = new KeyedStates(keysMax, () => new ServerState());
    this.#tunnels = new KeyedStates(keysMax, () => new TunnelState());
    this.#site = new SiteRates(data?.site);
    if (!data) return;
    this.#queue = new DecisionQueue(data.queue);
    this.#rekeyWidth.unpack(new Unpacker(Buffer.from(data.rekeyWidth, 'base64')));
    this.#decided = data.decided;
  }

  toData(): KnowledgeData {
    const rekeyWidth = new Packer(REKEY_WIDTH_BYTES_MAX);
    this.#rekeyWidth.pack(rekeyWidth);
    return {
      queue: this.#queue.toData(),
      site: this.#site.toData(),
      rekeyWidth: Buffer.from(rekeyWidth.bytes()).toString('base64'),
      decided: this.#decided,
    };
  }

  /** What is kept by key, to be written down where it changed. */
  get byKind(): ReadonlyMap<string, KeyedStates<PackedState>> {
    return new Map<string, KeyedStates<PackedState>>([
      ['client', this.#clients],
      ['network', this.#networks],
      ['server', this.#servers],
      ['tunnel', this.#tunnels],
    ]);
  }

  /** Outcomes that are known so far. */
  get decided(): number {
    return this.#decided;
  }

  /** Clients, networks, servers and tunnels that are remembered. */
  get keys(): number {
    return this.#clients.size + this.#networks.size + this.#servers.size + this.#tunnels.size;
  }

  /** Writes the features of an attempt that begins now. Times must not go backwards. */
  describe(attempt: Attempt, out: FeatureWriter, window: EventWindow): void {
    this.advance(attempt.at);
    const { at, client } = attempt;
    const { base } = this.#site;
    out.restart();
    const angle = (2 * Math.PI * (at % DAY_MS)) / DAY_MS;
    out.put(Math.sin(angle));
    out.put(Math.cos(angle));
    out.put(attempt.mechanism === undefined ? Number.NaN : attempt.mechanism === 'token' ? 1 : 0);
    out.put(attempt.tunnel === undefined ? 0 : 1);
    out.put(this.#site.rate(0, at));
    out.put(this.#site.rate(1, at));
    out.put(base);
    const clientState = this.#clients.peek(client);
    (clientState ?? NEW_CLIENT).describe(at, base, out);
    const network = this.#networks.peek(attempt.network);
    (network?.group ?? NEW_GROUP).describe(at, client, base, out);
    const server = this.#servers.peek(attempt.server);
    (server?.group ?? NEW_GROUP).describe(at, client, base, out);
    (server?.pool ?? NEW_POOL).describe(at, out);
    const tunnel = this.#tunnels.peek(attempt.tunnel);
    if (tunnel) {
      tunnel.group.describe(at, client, base, out);
      tunnel.rekeys.describe(at, this.#rekeyWidth, out);
    } else out.skip(GROUP_FEATURES.length + REKEY_FEATURES.length);
    window.merge(clientState?.recent, network?.recent, server?.recent, tunnel?.recent);
  }

  /** The attempt has begun: known at once. Its outcome waits. */
  begin(record: AttemptRecord): void {
    const { attempt } = record;
    this.#clients.get(attempt.client)?.begin(attempt.at);
    this.#networks.get(attempt.network)?.group.pending.begin(attempt.at);
    this.#servers.get(attempt.server)?.group.pending.begin(attempt.at);
    this.#tunnels.get(attempt.tunnel)?.group.pending.begin(attempt.at);
    this.#wait(record, false);
  }

  /** The attempt began so long ago that nobody saw it begin: what became of it is learned as soon as may be. */
  beganUnseen(record: AttemptRecord): void {
    this.#wait(record, true);
  }

  /** What became in the end of an attempt that had logged in. */
  ended(attempt: Attempt, decision: Decision): void {
    this.#queue.add(attempt, decision, true);
  }

  #wait({ attempt, decision, loggedIn }: AttemptRecord, isUnseen: boolean): void {
    if (loggedIn) this.#queue.add(attempt, loggedIn, isUnseen);
    this.#queue.add(attempt, decision, isUnseen || loggedIn !== undefined);
  }

  /** Lets in what was decided by `to`. */
  advance(to: number): void {
    for (let next = this.#queue.take(to); next !== undefined; next = this.#queue.take(to)) this.#learn(next);
    this.#site.advance(to);
  }

  #learn({ attempt, decision, isAfterthought }: Waiting): void {
    const client = this.#clients.get(attempt.client);
    const network = this.#networks.get(attempt.network);
    const server = this.#servers.get(attempt.server);
    const tunnel = this.#tunnels.get(attempt.tunnel);
    this.#site.advance(decision.at);
    const { base } = this.#site;
    if (!isAfterthought)
      for (const pending of [client?.pending, network?.group.pending, server?.group.pending, tunnel?.group.pending])
        pending?.decided(attempt.at);
    const o: Observation = { attempt, decision, ...(client?.lateness(decision) ?? UNKNOWN_LATENESS) };
    // Who is to blame for a failure: whoever had failed more until then, in proportion.
    const rates = [client, network?.group, server?.group, tunnel?.group].map((s) => s?.recentRate(base) ?? 0);
    const total = rates.reduce((a, b) => a + b, 0) + 0.01;
    const otherwise = Math.min(0.9, Math.max(base, ...rates.slice(0, 3)));
    tunnel?.rekeys.observe(o, otherwise, this.#rekeyWidth);
    network?.group.observe(o, base, (rates[1] ?? 0) / total);
    server?.group.observe(o, base, (rates[2] ?? 0) / total);
    tunnel?.group.observe(o, base, (rates[3] ?? 0) / total);
    client?.observe(o, base);
    this.#site.add(attempt, decision);
    if (server && decision.poolUsed !== undefined) server.pool.observe(attempt.at, decision.poolUsed);
    if (decision.kind === 'unknown') return;
    const event = windowEvent(o, this.#decided);
    for (const state of [client, network, server, tunnel]) state?.recent.push(event);
    this.onLearned?.(event);
    this.#decided++;
  }
}

const UNKNOWN_LATENESS = { tcpLateness: Number.NaN, tlsLateness: Number.NaN, authLateness: Number.NaN };
const NEW_CLIENT = new ClientState();
const NEW_GROUP = new GroupState();
const NEW_POOL = new PoolState();
