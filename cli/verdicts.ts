import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import type { AnomalyWatch } from '../models/anomaly/watch.ts';
import type { CauseModel } from '../models/cause/decide.ts';
import { judge } from '../models/cause/judge.ts';
import type { Forecast } from '../models/prediction/forecast.ts';
import type { LikelyDocument } from '../models/prediction/likely-document.ts';
import type { ClosedSession, Login } from '../processors/correlate/correlate.ts';
import type { Session } from '../processors/correlate/session.ts';
import { buildProfile, type SourceFacts } from '../processors/profile/build-profile.ts';
import { needsProof, withLines } from '../processors/profile/evidence-lines.ts';
import type { Incident } from '../processors/profile/incident.ts';
import { Incidents, type IncidentsState } from '../processors/profile/incidents.ts';
import type { KnownTimer } from '../processors/profile/known-timers.ts';
import type { Profile } from '../processors/profile/profile.ts';
import { type KnownAddresses, NOTHING_KNOWN } from '../processors/resolve/known-addresses.ts';

export interface VerdictOptions {
  readonly model: CauseModel;
  readonly timers: readonly KnownTimer[];
  readonly facts: SourceFacts;
  /** Scores the profiles and makes findings, where it is wanted. */
  readonly watch?: AnomalyWatch;
  /** Puts risks onto profiles, where there is a model; they come out when theirs is known. */
  readonly forecast?: Forecast | undefined;
  /** What the site says of addresses. */
  readonly known?: KnownAddresses;
}

export interface Verdicts {
  readonly profiles: readonly Profile[];
  readonly incidents: readonly Incident[];
  readonly findings: readonly AnomalyFinding[];
  /** Who is likely to fail next. */
  readonly likely: readonly LikelyDocument[];
}

/** Takes a session that could not be judged, and what it made the code throw. */
export type RejectedSession = (closed: ClosedSession, error: unknown) => void;

export const NO_VERDICTS: Verdicts = { profiles: [], incidents: [], findings: [], likely: [] };

/** Incidents are given out at whole minutes of event time, so that what is in them does not depend on how the input was cut. */
const TICK_MS = 60_000;

interface Judged {
  readonly closed: ClosedSession;
  readonly closedAt: number;
  readonly revised: boolean;
  readonly serial: number;
  readonly profile: Profile;
}

/** Closed sessions in, judged profiles and the incidents they make out. */
export class Judging {
  private readonly options: VerdictOptions;
  private readonly incidents: Incidents;
  private tick = Number.NEGATIVE_INFINITY;

  constructor(options: VerdictOptions, state?: IncidentsState) {
    this.options = options;
    this.incidents = state ? Incidents.fromData(state) : new Incidents();
  }

  toData(): IncidentsState {
    return this.incidents.toData();
  }

  /**
   * `closed` in the order of closing, `logins` since the last time; `now`: event time has come so far, Infinity at the end. A session that cannot
   * be judged is given to `rejected`, where there is one, and the rest goes on.
   */
  push(closed: readonly ClosedSession[], logins: readonly Login[], now: number, rejected?: RejectedSession): Verdicts {
    const { watch, forecast } = this.options;
    const orRejected = <T>(c: ClosedSession, work: () => T): readonly T[] => {
      try {
        return [work()];
      } catch (error) {
        if (rejected === undefined) throw error;
        rejected(c, error);
        return [];
      }
    };
    const judged = closed.flatMap((c) => orRejected(c, () => this.judged(c)));
    // What closes at the same moment does so in no order of its own.
    judged.sort((a, b) => a.closedAt - b.closedAt || (idOf(a.profile) < idOf(b.profile) ? -1 : 1));
    const out: { incidents: Incident[]; findings: AnomalyFinding[] } = { incidents: [], findings: [] };
    const { known = NOTHING_KNOWN } = this.options;
    const networkOf = (ip: string): string => known.network(ip);
    const done = judged.flatMap((j) => {
      const { closedAt, revised, profile } = j;
      this.moveTo(closedAt, out);
      return orRejected(j.closed, () => {
        this.incidents.add(profile, networkOf);
        return { ...j, profile: watch?.add(profile, closedAt, !revised, networkOf) ?? profile };
      });
    });
    const profiles = done.map(({ profile }) => profile);
    this.moveTo(now, out);
    if (!forecast) return { profiles, likely: [], ...out };
    this.forecast(forecast, done, logins);
    forecast.advance(now);
    return { ...out, ...forecast.take() };
  }

  /** What has become known, in the order of time: of the same moment logins first, which are no answers yet. */
  private forecast(forecast: Forecast, done: readonly Judged[], logins: readonly Login[]): void {
    let next = 0;
    const takeLogins = (until: number): void => {
      for (let login = logins[next]; login !== undefined && login.knownAt <= until; login = logins[++next]) {
        forecast.advance(login.knownAt);
        forecast.loggedIn(login);
      }
    };
    for (const { closedAt, serial, revised, profile } of done) {
      takeLogins(closedAt);
      forecast.advance(closedAt);
      forecast.closed(profile, serial, revised);
    }
    takeLogins(Number.POSITIVE_INFINITY);
  }

  private judged(c: ClosedSession): Judged {
    const { model, timers, facts } = this.options;
    const { outcome, cause } = judge(c, model, timers);
    const profile = buildProfile(c, outcome, cause, facts, model.epoch);
    const { session, closedAt, revised } = c;
    const quotes = session.texts.length > 0 && needsProof(profile);
    const { serial } = session;
    return {
      closed: c,
      closedAt,
      revised,
      serial,
      profile: quotes ? withLines(profile, originalsOf(session, facts)) : profile,
    };
  }

  private moveTo(now: number, out: { incidents: Incident[]; findings: AnomalyFinding[] }): void {
    const tick = Math.floor(now / TICK_MS) * TICK_MS;
    if (!(tick > this.tick)) return;
    // After the end of input more may come.
    if (Number.isFinite(tick)) this.tick = tick;
    const { model, watch } = this.options;
    out.incidents.push(...this.incidents.take(tick, model.epoch));
    if (watch) out.findings.push(...watch.take(tick, model.epoch));
  }
}

/** What the lines of a session said, by event id. */
function originalsOf(s: Session, facts: SourceFacts): ReadonlyMap<string, string> {
  return new Map(s.texts.map((text, i) => [facts.eventId(s.lines[3 * i] ?? 0, s.lines[3 * i + 1] ?? 0), text]));
}

const idOf = (p: Profile): string => p.imapwhy.session.id;
