import type { DovecotAuthEvent } from '../parse/dovecot.ts';
import { localPart, networkOf } from '../resolve/network.ts';
import { Company, type CompanyState, type Count, type Series } from './company.ts';
import { withNumber } from './lists.ts';
import { Reputations, type ReputationsState, withMember } from './reputations.ts';
import { decidingRule, isTokenMechanism, ruleKey } from './requests.ts';
import { type HttpRequest, pathAddress, type Session } from './session.ts';
import { Silences, silentMs } from './silences.ts';
import { troubleOf } from './trouble.ts';

/** A login that takes longer than this was not set up at once. */
export const SLOW_SETUP_MS = 3500;
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
}

/** What is learnt from every session for judging the others: the company it keeps, and the reputation of addresses, users and rules. */
export class Observations {
  readonly company: Company;
  readonly clients: Reputations;
  readonly users: Reputations;
  readonly rules: Reputations;
  readonly silences: Silences;
  private all: Series;
  /** By address. A cache only. */
  private readonly networks = new Map<string, Network>();

  constructor(state?: ObservationsState) {
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
    this.networkAt(ip).series.add(what, at, n);
  }

  /** In all scopes of a session. */
  count(s: Session, what: Count, at: number): void {
    this.all.add(what, at);
    const ip = pathAddress(s);
    if (ip !== undefined) this.networkAt(ip).series.add(what, at);
    if (s.vpn !== undefined) {
      this.company.count(`tunnel:${s.vpn.name}`, what, at);
      this.company.count('vpn', what, at);
    }
  }

  /** True if several users are known behind its address: perhaps a proxy's. */
  started(s: Session, usersToBeShared: number): boolean {
    if (s.sourceIp === undefined) return false;
    this.count(s, 'starts', s.startedAt);
    if (s.clientIp === undefined) return false;
    const client = this.clients.of(s.clientIp, s.startedAt);
    client.recentStarts = withNumber(client.recentStarts, s.startedAt, STARTS_MAX);
    return client.okMembers.length >= usersToBeShared;
  }

  loggedIn(s: Session, at: number): void {
    this.count(s, 'loggedIn', at);
    const slow = at - s.startedAt > SLOW_SETUP_MS;
    this.count(s, slow ? 'slowSetup' : 'fastSetup', at);
    if (s.goneAtLogin) {
      this.count(s, 'gaveUp', at);
      if (slow) this.count(s, 'authWait', at);
      return;
    }
    const user = s.user === undefined ? undefined : localPart(s.user);
    if (s.clientIp !== undefined) {
      const client = this.clients.of(s.clientIp, at);
      client.logins++;
      if (user !== undefined) client.okMembers = withMember(client.okMembers, user);
      this.clients.of(this.networkAt(s.clientIp).key, at).logins++;
    }
    if (user !== undefined) {
      const reputation = this.users.of(user, at);
      reputation.logins++;
      reputation.tokenFailures = 0;
      reputation.recentLogins = withNumber(reputation.recentLogins, s.startedAt, LOGINS_MAX);
      if (s.clientIp !== undefined) reputation.okMembers = withMember(reputation.okMembers, s.clientIp);
    }
  }

  authFailure(s: Session, e: DovecotAuthEvent, at: number): void {
    const user = e.user === undefined ? undefined : localPart(e.user);
    if (s.clientIp !== undefined && e.mechanism !== 'token') {
      const client = this.clients.of(s.clientIp, at);
      client.passwordFailures++;
      if (user !== undefined) client.failedMembers = withMember(client.failedMembers, user);
    }
    if (user !== undefined) {
      const reputation = this.users.of(user, at);
      if (e.mechanism === 'token') reputation.tokenFailures++;
      else reputation.passwordFailures++;
    }
  }

  /** How a connection ended. */
  ended(s: Session, at: number): void {
    const user = s.user === undefined ? undefined : localPart(s.user);
    if (user !== undefined) {
      const reputation = this.users.of(user, at);
      reputation.recentStarts = withNumber(reputation.recentStarts, s.startedAt, STARTS_MAX);
    }
    const silent = silentMs(s);
    if (silent !== undefined) this.silences.add(silent);
    const trouble = troubleOf(s);
    for (const what of trouble.counts) this.count(s, what, at);
    if (s.clientIp === undefined) return;
    const client = this.clients.of(s.clientIp, at);
    if (trouble.scan) {
      client.scans++;
      this.clients.of(this.networkAt(s.clientIp).key, at).scans++;
    }
    if (trouble.quickClose) {
      if (client.lastQuickCloseAt !== undefined) {
        const interval = s.startedAt - client.lastQuickCloseAt;
        client.rhythmJitterMs += 0.2 * (Math.abs(interval - client.rhythmMs) - client.rhythmJitterMs);
        client.rhythmMs = client.rhythmMs === 0 ? interval : client.rhythmMs + 0.2 * (interval - client.rhythmMs);
      }
      client.lastQuickCloseAt = s.startedAt;
      client.quickCloses++;
    }
    if (s.preLogin?.auth === 'failed' && s.auth.passwordFailures === 0 && !isTokenMechanism(s.mechanism ?? '')) {
      client.passwordFailures++;
      if (user !== undefined) client.failedMembers = withMember(client.failedMembers, user);
    }
  }

  /** Its proxy has told the client's address: the client's network is credited with what was counted for the proxy's. */
  foundBehindProxy(s: Session): void {
    if (s.clientIp === undefined) return;
    const { series, key } = this.networkAt(s.clientIp);
    series.add('starts', s.startedAt);
    series.add('activity', s.startedAt);
    if (s.loggedInAt !== undefined) {
      series.add('activity', s.loggedInAt);
      series.add('loggedIn', s.loggedInAt);
      series.add(s.loggedInAt - s.startedAt > SLOW_SETUP_MS ? 'slowSetup' : 'fastSetup', s.loggedInAt);
      if (!s.goneAtLogin) {
        const client = this.clients.of(s.clientIp, s.loggedInAt);
        client.logins++;
        if (s.user !== undefined) client.okMembers = withMember(client.okMembers, localPart(s.user));
        this.clients.of(key, s.loggedInAt).logins++;
      }
    }
    if (s.endedAt === undefined) return;
    series.add('activity', s.endedAt);
    for (const what of troubleOf(s).counts) series.add(what, s.endedAt);
  }

  /** The WAF denied a request. */
  requestBlocked(r: HttpRequest, at: number): void {
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
    const name = networkOf(ip);
    const key = `net:${name}`;
    const network = { name, key, series: this.company.scope(key) };
    this.networks.set(ip, network);
    return network;
  }
}
