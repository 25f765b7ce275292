import type { Count } from './company.ts';
import type { SiteEvent } from './route.ts';
import type { Session } from './session.ts';
import type { TimedEvent } from './timed-event.ts';

/**
 * What the sessions of one partition tell the site, in which everybody is judged by the company of everybody else. Plain data: a fact can be
 * sent to where the site is kept. It takes effect in the order of (seenAt, source, offset), which does not depend on how sessions were divided.
 */
interface Told {
  /** Event time at which it became known. */
  readonly seenAt: number;
  /** Position of the line that told it; what fell due without a line has source BEFORE_LINES, and comes before the lines of that moment. */
  readonly source: number;
  readonly offset: number;
}

export const BEFORE_LINES = -1;

/** By whose path something is counted. */
export interface Whereabouts {
  /** The address whose path the session took, undefined where no line has told it. */
  readonly path: string | undefined;
  /** The address that the server saw: with the start it tells the tunnel. */
  readonly sourceIp: string | undefined;
  readonly startedAt: number;
}

/** Who an attempt is, as far as lines have told. */
export interface Party extends Whereabouts {
  readonly serial: number;
  /** Where the client is as far as its connection tells: the address that the server saw, or that a proxy saw. */
  readonly clientIp: string | undefined;
  readonly startPrecisionMs: number;
  readonly user: string | undefined;
  readonly mechanism: string | undefined;
}

/** Any line of a family of logs came; told once a minute. */
export interface Heard extends Told {
  readonly kind: 'heard';
  readonly family: string;
  readonly at: number;
}

export interface Counted extends Told, Whereabouts {
  readonly kind: 'counted';
  readonly what: Count;
  readonly at: number;
}

/** Something of no session in particular. */
export interface CountedEverywhere extends Told {
  readonly kind: 'counted-everywhere';
  readonly what: Count;
  readonly at: number;
}

export interface PasswordFailed extends Told {
  readonly kind: 'password-failed';
  readonly ip: string;
  readonly at: number;
}

/** A connection has begun. */
export interface Started extends Told {
  readonly kind: 'started';
  readonly who: Party;
}

/** More is known of who it is: a web request may turn out to be its prelude. */
export interface Identified extends Told {
  readonly kind: 'identified';
  readonly who: Party;
}

/** Two that were taken for two are one. */
export interface Merged extends Told {
  readonly kind: 'merged';
  readonly from: number;
  readonly into: number;
}

export interface LoggedIn extends Told {
  readonly kind: 'logged-in';
  readonly who: Party;
  /** Its address, else its name. */
  readonly server: string | undefined;
  readonly at: number;
  /** The client was gone by then. */
  readonly gone: boolean;
}

export interface AuthFailed extends Told {
  readonly kind: 'auth-failed';
  readonly who: Party;
  readonly at: number;
  /** Who the line says it was. */
  readonly name: string | undefined;
  readonly token: boolean;
}

/** The server's side is over. */
export interface Ended extends Told {
  readonly kind: 'ended';
  readonly who: Party;
  readonly at: number;
  readonly counts: readonly Count[];
  readonly scan: boolean;
  readonly quickClose: boolean;
  readonly passwordFailed: boolean;
  /** The client's silence before the end, ms. */
  readonly silentMs: number | undefined;
}

/** Its proxy has told the client's address: what was counted for the proxy's network is the client's. */
export interface FoundBehindProxy extends Told {
  readonly kind: 'found-behind-proxy';
  readonly who: Party;
  readonly loggedInAt: number | undefined;
  readonly gone: boolean;
  readonly endedAt: number | undefined;
  readonly counts: readonly Count[];
}

export interface Closed extends Told {
  readonly kind: 'closed';
  readonly session: Session;
}

/** A line that tells of no connection, but of the site. */
export interface SiteLine extends Told {
  readonly kind: 'line';
  readonly line: TimedEvent<SiteEvent>;
}

export function siteLine(line: TimedEvent<SiteEvent>): SiteLine {
  return { kind: 'line', seenAt: line.seenAt, source: line.event.line.source, offset: line.event.line.offset, line };
}

/** The order in which facts take effect. Compared, not subtracted: a difference of times would be a box on the heap. */
export function inOrder(a: SiteFact, b: SiteFact): number {
  if (a.seenAt !== b.seenAt) return a.seenAt < b.seenAt ? -1 : 1;
  return a.source - b.source || (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0);
}

export type SiteFact =
  | Heard
  | Counted
  | CountedEverywhere
  | PasswordFailed
  | Started
  | Identified
  | Merged
  | LoggedIn
  | AuthFailed
  | Ended
  | FoundBehindProxy
  | Closed
  | SiteLine;
