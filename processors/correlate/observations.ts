import { type KnownAddresses, NOTHING_KNOWN } from '../resolve/known-addresses.ts';
import { localPart } from '../resolve/network.ts';
import { Company, type CompanyState, type Count, type Series } from './company.ts';
import { withNumber } from './lists.ts';
import { Reputations, type ReputationsState, withMember } from './reputations.ts';
import { decidingRule, ruleKey } from './requests.ts';
import { type HttpRequest, SLOW_SETUP_MS } from './session.ts';
import { Silences } from './silences.ts';
import type { Ended, FoundBehindProxy } from './site-fact.ts';

const STARTS_MAX = 16;
const LOGINS_MAX = 8;
const NETWORKS_MAX = 200_000;

export interface ObservationsState {
  readonly company: CompanyState;
  readonly clients: ReputationsState;
  readonly users: ReputationsState;
  readonly rules: ReputationsState;
  readonly silences: readonly (readonly [number, number])[];
}

interface Network {
  readonly name: string;
  readonly key: string;
  readonly series: Series;
  /** The address that leads here is of somebody who is counted apart. */
  readonly apart: boolean;
}

/**
 * What is learnt from every session for judging the others: the company it keeps, and the reputation of addresses, users and rules. From
 * monitors and known scanners nothing is learnt: how they fare says nothing of users.
 */
export class Observations {
  readonly company: Company;
  readonly clients: Reputations;
  readonly users: Reputations;
  readonly rules: Reputations;
  readonly silences: Silences;
  private readonly known: KnownAddresses;
  private all: Series;
  /** By address. A cache only. */
  private readonly networks = new Map<string, Network>();

  constructor(state?: ObservationsState, known: KnownAddresses = NOTHING_KNOWN) {
    this.known = known;
    this.company = state ? Company.fromData(state.company) : new Company();
    this.clients = state ? Reputations.fromData(state.clients) : new Reputations();
    this.users = state ? Reputations.fromData(state.users) : new Reputations();
    this.rules = state ? Reputations.fromData(state.rules) : new Reputations();
    this.silences = state ? Silences.fromData(state.silences) : new Silences();
    this.all = this.company.scope('all');
  }

  toData(): ObservationsState {
    return {
      company: this.company.toData(),
      clients: this.clients.toData(),
      users: this.users.toData(),
      rules: this.rules.toData(),
      silences: this.silences.toData(),
    };
  }

  /** Event time is `now`. */
  forget(now: number): void {
    if (!this.company.forget(now)) return;
    this.networks.clear();
    this.all = this.company.scope('all');
  }

  network(ip: string): string {
    return this.networkAt(ip).name;
  }

  everywhere(what: Count, at: number): void {
    this.all.add(what, at);
  }

  inNetwork(ip: string, what: Count, at: number, n = 1): void {
    const network = this.networkAt(ip);
    if (!network.apart) network.series.add(what, at, n);
  }

  private isApart(ip: string | undefined): boolean {
    return ip !== undefined && this.networkAt(ip).apart;
  }

  /** In all scopes of a session: everywhere, in its network, in its tunnel. */
  count(path: string | undefined, tunnel: string | undefined, what: Count, at: number): void {
    const network = path === undefined ? undefined : this.networkAt(path);
    if (network?.apart) return;
    this.all.add(what, at);
    network?.series.add(what, at);
    if (tunnel !== undefined) {
      this.company.count(`tunnel:${tunnel}`, what, at);
      this.company.count('vpn', what, at);
    }
  }

  started(clientIp: string | undefined, startedAt: number): void {
    if (clientIp === undefined || this.isApart(clientIp)) return;
    const client = this.clients.of(clientIp, startedAt);
    client.recentStarts = withNumber(client.recentStarts, startedAt, STARTS_MAX);
  }

  loggedIn(clientIp: string | undefined, name: string | undefined, startedAt: number, at: number): void {
    if (this.isApart(clientIp)) return;
    const user = name === undefined ? undefined : localPart(name);
    if (clientIp !== undefined) this.clientLoggedIn(clientIp, user, at);
    if (user === undefined) return;
    const reputation = this.users.of(user, at);
    reputation.logins++;
    reputation.tokenFailures = 0;
    reputation.recentLogins = withNumber(reputation.recentLogins, startedAt, LOGINS_MAX);
    if (clientIp !== undefined) reputation.okMembers = withMember(reputation.okMembers, clientIp);
  }

  authFailed(clientIp: string | undefined, name: string | undefined, token: boolean, at: number): void {
    if (this.isApart(clientIp)) return;
    const user = name === undefined ? undefined : localPart(name);
    if (clientIp !== undefined && !token) this.passwordFailed(clientIp, user, at);
    if (user === undefined) return;
    const reputation = this.users.of(user, at);
    if (token) reputation.tokenFailures++;
    else reputation.passwordFailures++;
  }

  passwordFailed(clientIp: string, user: string | undefined, at: number): void {
    if (this.isApart(clientIp)) return;
    const client = this.clients.of(clientIp, at);
    client.passwordFailures++;
    if (user !== undefined) client.failedMembers = withMember(client.failedMembers, user);
  }

  /** How a connection ended, but for what is counted of it. */
  ended(e: Ended, clientIp: string | undefined): void {
    if (this.isApart(clientIp)) return;
    const user = e.who.user === undefined ? undefined : localPart(e.who.user);
    if (user !== undefined) {
      const reputation = this.users.of(user, e.at);
      reputation.recentStarts = withNumber(reputation.recentStarts, e.who.startedAt, STARTS_MAX);
    }
    if (e.silentMs !== undefined) this.silences.add(e.silentMs);
    if (clientIp === undefined) return;
    const client = this.clients.of(clientIp, e.at);
    if (e.scan) {
      client.scans++;
      this.clients.of(this.networkAt(clientIp).key, e.at).scans++;
    }
    if (e.quickClose) {
      if (client.lastQuickCloseAt !== undefined) {
        const interval = e.who.startedAt - client.lastQuickCloseAt;
        client.rhythmJitterMs += 0.2 * (Math.abs(interval - client.rhythmMs) - client.rhythmJitterMs);
        client.rhythmMs = client.rhythmMs === 0 ? interval : client.rhythmMs + 0.2 * (interval - client.rhythmMs);
      }
      client.lastQuickCloseAt = e.who.startedAt;
      client.quickCloses++;
    }
    if (e.passwordFailed) this.passwordFailed(clientIp, user, e.at);
  }

  /** The client's network is credited with what was counted for its proxy's. */
  foundBehindProxy(e: FoundBehindProxy, clientIp: string): void {
    const { series, apart } = this.networkAt(clientIp);
    if (apart) return;
    series.add('starts', e.who.startedAt);
    series.add('activity', e.who.startedAt);
    if (e.loggedInAt !== undefined) {
      series.add('activity', e.loggedInAt);
      series.add('loggedIn', e.loggedInAt);
      series.add(e.loggedInAt - e.who.startedAt > SLOW_SETUP_MS ? 'slowSetup' : 'fastSetup', e.loggedInAt);
      if (!e.gone)
        this.clientLoggedIn(clientIp, e.who.user === undefined ? undefined : localPart(e.who.user), e.loggedInAt);
    }
    if (e.endedAt === undefined) return;
    series.add('activity', e.endedAt);
    for (const what of e.counts) series.add(what, e.endedAt);
  }

  private clientLoggedIn(ip: string, user: string | undefined, at: number): void {
    const client = this.clients.of(ip, at);
    client.logins++;
    if (user !== undefined) client.okMembers = withMember(client.okMembers, user);
    this.clients.of(this.networkAt(ip).key, at).logins++;
  }

  /** The WAF denied a request. */
  requestBlocked(r: HttpRequest, at: number): void {
    if (this.isApart(r.ip)) return;
    this.inNetwork(r.ip, 'blocked', at);
    const client = this.clients.of(r.ip, at);
    client.blockedRequests++;
    if (r.rules.some((rule) => rule.attack)) {
      client.scans++;
      this.clients.of(this.networkAt(r.ip).key, at).scans++;
    }
    const rule = decidingRule(r);
    if (rule) {
      const reputation = this.rules.of(ruleKey(rule.id, r.path), at);
      reputation.blockedRequests++;
      reputation.failedMembers = withMember(reputation.failedMembers, r.ip);
    }
  }

  private networkAt(ip: string): Network {
    const known = this.networks.get(ip);
    if (known) return known;
    if (this.networks.size >= NETWORKS_MAX) this.networks.clear();
    const name = this.known.network(ip);
    const key = `net:${name}`;
    const network = { name, key, series: this.company.scope(key), apart: this.known.apartAs(ip) !== undefined };
    this.networks.set(ip, network);
    return network;
  }
}
