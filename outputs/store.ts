/** The embedded store as its users see it; `sqlite.ts` is the one that there is. */
import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import type { Statement } from '../processors/profile/feedback.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { CauseLabel, Outcome, Profile } from '../processors/profile/profile.ts';
import type { EventDocument, Output, SourceHour } from './output.ts';
import type { LocalSearch } from './search.ts';
import type { Desk } from './sqlite-desk.ts';
import type { WafReader, WafStore } from './sqlite-waf.ts';

/** What findProfiles looks for; what is left out does not matter. */
export interface ProfileQuery {
  /** With or without domain (`anna`, `anna@example.org`, `CORP\anna`), in any case. */
  readonly user?: string;
  /** UTC epoch ms. The nearest sessions come first; without it, the latest. */
  readonly at?: number;
  /** How long the moment `at` lasts: 60,000 if a person said 09:13. Default 0. */
  readonly atSpanMs?: number;
  /**
   * Only sessions that touch the moment widened by this much on both sides; those that went well must begin or end in it, see NEAREST.
   * Default: any.
   */
  readonly windowMs?: number;
  readonly clientIp?: string;
  readonly cause?: CauseLabel;
  readonly outcome?: Outcome;
  /** The id that Dovecot wrote: `session=<…>`, with or without the brackets. */
  readonly dovecotId?: string;
  /** At most this many, 1 to 10,000. Default 10. */
  readonly limit?: number;
}

/** One call of the program that wrote to the store. */
export interface Run {
  readonly startedAt: string; // ISO 8601 UTC, from the caller's clock
  readonly inputs: readonly string[]; // paths as given
  readonly zone: string | null; // of stamps that carry none; what a person means by 09:13
  readonly engine: string; // release of parsers and weights
}

/** Profiles come with what people said about their causes (processors/profile/feedback.ts); the model's answer stays in the table. */
export interface StoreReader {
  profile(id: string): Profile | undefined;
  findProfiles(query: ProfileQuery): readonly Profile[];
  /** Ids that begin with the text, in order; for a person who typed the first characters. */
  idsLike(beginning: string, limit: number): readonly string[];
  /** Events of a session in event time: those that name it and those that its profile names. At most 10,000. */
  eventsOf(sessionId: string): readonly EventDocument[];
  /** All profiles by start of session; `since` inclusive, `until` exclusive, UTC epoch ms. Do not write while iterating. */
  profiles(range?: { readonly since?: number; readonly until?: number }): IterableIterator<Profile>;
  incidents(): IterableIterator<Incident>;
  anomalies(): IterableIterator<AnomalyFinding>;
  /** What people said, of one session or of all, in the order in which it was said. */
  statements(session?: string): readonly Statement[];
  /** Latest first, at most 100. */
  runs(): readonly Run[];
  /** In which hours which source wrote, by hour; `since` inclusive, `until` exclusive, UTC epoch ms. A store before version 6 does not know. */
  coverage(range: { readonly since: number; readonly until: number }): IterableIterator<SourceHour>;
  readonly search: LocalSearch;
  readonly waf: WafReader;
}

export interface Store extends Output, StoreReader {
  /** Idempotent by `startedAt`. */
  recordRun(run: Run): void;
  recordStatement(statement: Statement): void;
  /** Idempotent by origin and hour: the larger count stays. */
  recordCoverage(rows: readonly SourceHour[]): void;
  /** Makes the text of stored log lines searchable, at most so many at once. Returns how many; 0: all of them are. */
  indexLines(linesMax: number): number;
  /** How many stored log lines are not searchable yet. */
  linesToIndex(): number;
  readonly desk: Desk;
  readonly waf: WafStore;
}

/** A store that is only read. Close it all the same. */
export interface ReadStore extends StoreReader {
  close(): void;
}
