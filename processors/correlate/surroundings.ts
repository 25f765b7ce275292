import type { Counts, Silence } from './company.ts';

/** What was going on around a session while it was in trouble: plain data, so that a decision can be repeated from it. */
export interface Surroundings {
  /** The interval in which the session was in trouble: when it began to wait, and when that ended. */
  readonly troubleFrom: number;
  readonly troubleUntil: number;
  readonly network: string | undefined;
  /** Sums over the trouble interval, half a minute wider on both sides. */
  readonly inNetwork: Counts;
  /** The same without the margin: only what was meanwhile. */
  readonly meanwhileInNetwork: Counts;
  readonly everywhere: Counts;
  readonly inTunnel: Counts | undefined;
  readonly inVpn: Counts | undefined;
  /** Sums over the trouble interval, five minutes wider: the usual. */
  readonly usuallyInNetwork: Counts;
  readonly silence: Silence | undefined;
  /** Lines of all other networks during that silence, and what would be usual. */
  readonly othersDuringSilence: number;
  readonly tunnelTroubles: readonly { readonly at: number; readonly kind: string }[];
  readonly leaseChanged: boolean;
  readonly limits: readonly {
    readonly at: number;
    readonly service: string;
    readonly name: string;
    readonly limit: number | undefined;
  }[];
  readonly serverEvents: readonly { readonly at: number; readonly kind: string }[]; // reload, stopped, started
  readonly client: AddressFacts;
  readonly user: UserFacts | undefined;
  readonly rule: RuleFacts | undefined;
  readonly ban: { readonly at: number; readonly jail: string | undefined } | undefined;
  /** Silences of other sessions that had the same length as this one's, to half a second, and those about as long. */
  readonly silencesAlike: { readonly same: number; readonly beside: number };
  /** Datasets that had any line in the hour around. */
  readonly sources: readonly string[];
  /** Bytes a second of other traffic with this network while in trouble. */
  readonly bulkBytesPerSecond: number;
}

export interface AddressFacts {
  readonly logins: number; // successful logins from this address, before and shortly after
  readonly usersOk: number;
  readonly usersFailed: number;
  readonly passwordFailures: number;
  readonly scans: number;
  readonly blockedRequests: number;
  readonly attacksInNetwork: number; // scans and brute force of the same network
  readonly loginsInNetwork: number;
  readonly own: boolean; // the site says that its users are there
  readonly quickCloses: number;
  /** Mean interval of the quick closes, 0 if there were none. */
  readonly rhythmMs: number;
  readonly rhythmic: boolean;
}

export interface UserFacts {
  readonly logins: number;
  readonly lastLoginBeforeMs: number | undefined; // how long before this session's start
  readonly nextLoginAfterMs: number | undefined; // how long after its trouble ended
  readonly nextStartAfterMs: number | undefined; // next connection of this user, successful or not
  readonly tokenFailures: number;
  readonly tokenFailuresInARow: number;
  readonly passwordFailures: number;
  readonly addresses: number;
}

export interface RuleFacts {
  readonly id: string;
  readonly path: string | undefined;
  readonly clients: number; // distinct addresses it blocked
  readonly legitimate: number; // of them, addresses with successful logins, or of own networks
}
