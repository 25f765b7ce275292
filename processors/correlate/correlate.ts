import { type CorrelateOptions, DEFAULT_CORRELATE_OPTIONS } from './options.ts';
import { isSessionLine, isSiteLine, type SessionEvent } from './route.ts';
import { Sessions, type SessionsState } from './sessions.ts';
import { type ClosedSession, type Login, Site, type SiteState } from './site.ts';
import { type SiteFact, siteLine } from './site-fact.ts';
import type { TimedEvent } from './timed-event.ts';

export type { CorrelateOptions } from './options.ts';
export { DEFAULT_CORRELATE_OPTIONS } from './options.ts';
export type { ClosedSession, Login } from './site.ts';
export type { TimedEvent } from './timed-event.ts';

export interface CorrelateState {
  readonly sessions: SessionsState;
  readonly site: SiteState;
}

/**
 * Both steps in one process: events are joined into sessions, and sessions are looked at in the company they keep. Where there are many
 * processes, `Sessions` is divided by address, and what they tell travels to the one `Site`; the answers are the same.
 */
export class Correlate {
  private readonly sessions: Sessions;
  private readonly site: Site;

  constructor(options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS, state?: CorrelateState) {
    this.sessions = new Sessions(options, state?.sessions);
    this.site = new Site(options, state?.site);
  }

  static restore(state: CorrelateState, options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS): Correlate {
    return new Correlate(options, state);
  }

  /** Everything it knows, as plain data that survives JSON. Shares objects with the running instance: write it down before going on. */
  snapshot(): CorrelateState {
    return { sessions: this.sessions.snapshot(), site: this.site.snapshot() };
  }

  get openSessions(): number {
    return this.sessions.open;
  }

  get evicted(): number {
    return this.sessions.evicted;
  }

  get late(): number {
    return this.sessions.late;
  }

  /** Lines that became part of a session or of a web request. */
  get joined(): number {
    return this.sessions.joined + this.site.joined;
  }

  set onLogin(told: (login: Login) => void) {
    this.site.onLogin = told;
  }

  push(events: readonly TimedEvent[]): void {
    const ofSessions: TimedEvent<SessionEvent>[] = [];
    const ofSite: SiteFact[] = [];
    for (const t of events) {
      if (isSessionLine(t)) ofSessions.push(t);
      else if (isSiteLine(t)) ofSite.push(siteLine(t));
    }
    this.sessions.push(ofSessions);
    this.site.push(ofSite);
  }

  /** Event time has reached `to`: applies what is older (another line of just that time may come yet), and closes what is due by then. */
  advance(to: number, out: ClosedSession[]): void {
    const facts: SiteFact[] = [];
    this.sessions.advance(to, facts);
    this.site.push(facts);
    this.site.advance(to, out);
  }

  /** End of input: time goes on without further lines until everything has closed; what had not ended is marked incomplete. */
  flush(out: ClosedSession[]): void {
    this.advance(Number.POSITIVE_INFINITY, out);
  }
}
