import { familyOf, looksForAttack } from './counted-matches.ts';
import { type BlockExample, exampleOf } from './example.ts';
import { payloadLook } from './payload.ts';
import type { Place } from './place.ts';
import type { WafMatch, WafRequest } from './request.ts';

const EXAMPLES_MAX = 5;
const CLIENTS_MAX = 10_000;
const TIMES_MAX = 20_000;
const SESSIONS_MAX = 10_000;
const SECRETS_MAX = 2000;

/** What one client address did at one place. */
export interface ClientTally {
  requests: number;
  first: number;
  last: number;
  readonly users: Set<string>;
}

/** Everything that is counted of one place while requests go by; bounded, whatever comes. */
export class PlaceTally {
  readonly place: Place;
  readonly match: WafMatch;
  blocked = 0;
  alone = 0; // requests that no other rule stopped too
  otherFamilies = 0; // requests in which rules against another kind of attack matched too
  letThrough = 0;
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  readonly clients = new Map<string, ClientTally>();
  /** Requests of clients beyond the bound, or without an address. */
  otherClients = 0;
  readonly times: number[] = [];
  readonly sessions = new Map<string, number>(); // id of a profile to requests
  readonly secrets = new Map<string, number>(); // fingerprint to when it was first blocked
  readonly methods = new Set<string>();
  credential = 0;
  prose = 0;
  attack = 0;
  looked = 0; // requests of which a value could be looked at
  private readonly shown = new Map<string, BlockExample>();

  constructor(place: Place, match: WafMatch) {
    this.place = place;
    this.match = match;
  }

  add(request: WafRequest, match: WafMatch, counted: readonly WafMatch[]): void {
    this.blocked++;
    const others = counted.filter((m) => m.rule !== match.rule || m.target !== match.target);
    if (others.length === 0) this.alone++;
    const family = familyOf(match.rule);
    if (others.some((m) => looksForAttack(m) && familyOf(m.rule) !== family)) this.otherFamilies++;
    this.first = Math.min(this.first, request.at);
    this.last = Math.max(this.last, request.at);
    if (this.times.length < TIMES_MAX) this.times.push(request.at);
    if (request.method !== null && this.methods.size < 16) this.methods.add(request.method);
    this.addClient(request);
    for (const id of request.sessions)
      if (this.sessions.has(id) || this.sessions.size < SESSIONS_MAX)
        this.sessions.set(id, (this.sessions.get(id) ?? 0) + 1);
    for (const s of request.secrets)
      if (!this.secrets.has(s) && this.secrets.size < SECRETS_MAX) this.secrets.set(s, request.at);
    this.look(request, match);
    this.show(request, match);
  }

  private addClient(request: WafRequest): void {
    const { client, at, user } = request;
    let tally = client === null ? undefined : this.clients.get(client);
    if (tally === undefined && client !== null && this.clients.size < CLIENTS_MAX) {
      tally = { requests: 0, first: at, last: at, users: new Set() };
      this.clients.set(client, tally);
    }
    if (tally === undefined) {
      this.otherClients++;
      return;
    }
    tally.requests++;
    tally.first = Math.min(tally.first, at);
    tally.last = Math.max(tally.last, at);
    if (user !== null && tally.users.size < 64) tally.users.add(user);
  }

  private look(request: WafRequest, match: WafMatch): void {
    const text = match.value ?? match.matched;
    // What redaction took out because of its name is what the name says: a token, a password.
    const look =
      text !== null
        ? payloadLook(text)
        : match.valueLength !== null && request.secrets.length > 0
          ? { credential: 1, prose: 0, attack: 0 }
          : undefined;
    if (look === undefined) return;
    this.looked++;
    this.credential += look.credential;
    this.prose += look.prose;
    this.attack += look.attack;
  }

  /** Of different clients where possible. */
  private show(request: WafRequest, match: WafMatch): void {
    const key = request.client ?? '';
    if (this.shown.size < EXAMPLES_MAX && !this.shown.has(key)) this.shown.set(key, exampleOf(request, match));
  }

  examples(): readonly BlockExample[] {
    return [...this.shown.values()];
  }
}
