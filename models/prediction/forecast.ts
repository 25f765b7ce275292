import { Journal } from '../../processors/journal.ts';
import type { Prediction, Profile } from '../../processors/profile/profile.ts';
import { isApart, standingOf } from '../../processors/profile/standing.ts';
import { Heap } from '../math/heap.ts';
import { type AttemptNames, type AttemptRecord, attemptOf, byStart, readAttempt } from './attempt.ts';
import { type DriftData, DriftMonitor, type WeekDrift } from './drift.ts';
import { KeyRisks } from './key-risks.ts';
import type { KeyedStates, PackedState, StoredState } from './keyed-states.ts';
import type { KnowledgeData } from './knowledge.ts';
import { type LikelyDocument, likelyDocuments } from './likely-document.ts';
import { type Likely, Outlook } from './outlook.ts';
import type { PredictionModel } from './prediction-model.ts';
import { Predictor, type Risk } from './predictor.ts';
import type { SideFile } from './side-file.ts';

/** A model that was read and checked. */
export interface UsableModel {
  readonly model: PredictionModel;
  readonly side: SideFile;
  /** Kind and the beginning of the hash; stands in profiles. */
  readonly name: string;
}

/** A session that has logged in and goes on: that it succeeded is known now, its profile comes when it closes. */
export interface Login extends AttemptNames {
  readonly serial: number;
  readonly startedAt: number;
  readonly at: number;
  /** Event time at which the line that tells it was taken. */
  readonly knownAt: number;
  readonly rekeyed: boolean;
  readonly poolFull: boolean;
}

export interface ForecastOptions {
  /** Tells this history from others that were written down at the same place; without spaces. */
  readonly since: string;
  /** Every so often in event time it tells who is likely to fail next; undefined: only when asked. */
  readonly listMs: number | undefined;
}

export interface Forecasted {
  /** Profiles with their risk. */
  readonly profiles: readonly Profile[];
  readonly likely: readonly LikelyDocument[];
}

/** The small things whole, the many things where they changed. An undefined text: it is no more. */
export interface ForecastChanges {
  readonly core: ForecastCore;
  /** Which history this is. */
  readonly since: string;
  readonly entries: readonly (readonly [string, string | undefined])[];
}

/** What survives JSON. */
export interface ForecastCore {
  readonly format: number;
  readonly knowledge: KnowledgeData;
  readonly cursor: number | null;
  readonly listAt: number | null;
  readonly reached: number | null;
  readonly cold: number;
  readonly weeks: DriftData;
  readonly order: number;
}

export interface StoredForecast {
  readonly core: ForecastCore;
  readonly since: string;
  readonly entries: readonly (readonly [string, string])[];
}

/** Goes up whenever what is written down changes: an older state is not taken up, and history begins anew. */
export const FORECAST_FORMAT = 2;

/**
 * An attempt's risk is told when event time is so far beyond its start: an attempt that fails within four minutes has closed by then (three
 * minutes after its end), and one that succeeded has been told of. Of 10640 sessions of the sample one becomes known later.
 */
export const TOLD_AFTER_MS = 7 * 60_000;
/** Likely means more likely than not; the model's threshold, which balances both recalls, lies far below. */
const LIKELY_RISK = 0.5;
const LIKELY_MAX = 50;
/** Predictions of sessions that have closed are kept for those that a late line opens again: as many as the site may revise. */
const GIVEN_MAX = 50_000;
/** After so long without an attempt nothing new can be told of who is next. */
const SILENT_MS = 3_600_000;

/** What is held of a session that is open or waits for its risk. */
interface Held {
  /** Undefined once its risk was told. */
  readonly record: AttemptRecord | undefined;
  /** Its profiles as they came; more than one when a late line revised it meanwhile. */
  readonly profiles: readonly Profile[];
  readonly prediction: Prediction | undefined;
}

interface Given {
  readonly order: number;
  readonly prediction: Prediction;
}

interface Turn {
  readonly serial: number;
  readonly record: AttemptRecord;
}

/**
 * Puts risks onto profiles while they come. Attempts are taken in the order of their start, each with what had become known by then, some minutes
 * behind event time: only then all that was decided by its start has come in. A profile waits until it has its risk. An attempt that becomes known
 * later than that has the base rate, because what was known at its time is gone. Pure: what comes out does not depend on how the input was cut.
 */
export class Forecast {
  readonly #loaded: UsableModel;
  readonly #options: ForecastOptions;
  readonly #predictor: Predictor;
  readonly #outlook = new Outlook();
  readonly #keys = new KeyRisks();
  readonly #monitor: DriftMonitor;
  readonly #turns = new Heap<Turn>(isBefore);
  readonly #held = new Map<number, Held>();
  readonly #given = new Map<number, Given>();
  readonly #journal = new Journal<string>();
  #cursor: number;
  #listAt: number;
  #reached: number;
  #cold: number;
  #order: number;
  readonly #since: string;
  #profiles: Profile[] = [];
  #likely: LikelyDocument[] = [];

  constructor(loaded: UsableModel, options: ForecastOptions, stored?: StoredForecast) {
    const { core, entries, since } =
      stored?.core.format === FORECAST_FORMAT ? stored : { core: undefined, entries: [], since: options.since };
    this.#since = since;
    this.#loaded = loaded;
    this.#options = options;
    this.#predictor = new Predictor(loaded.model, loaded.side.base_rate, core?.knowledge);
    this.#monitor = new DriftMonitor(loaded.side.card, core?.weeks);
    this.#cursor = core?.cursor ?? Number.NEGATIVE_INFINITY;
    this.#listAt = core?.listAt ?? Number.NaN;
    this.#reached = core?.reached ?? Number.NEGATIVE_INFINITY;
    this.#cold = core?.cold ?? 0;
    this.#order = core?.order ?? 0;
    this.#restore(entries);
  }

  /** From here on `changes` tells what changed since it was last asked. */
  keepJournal(): void {
    this.#journal.keep();
    for (const states of this.#states.values()) states.keepJournal();
  }

  changes(): ForecastChanges {
    const entries: [string, string | undefined][] = this.#journal.take().map((key) => [key, this.#written(key)]);
    for (const [kind, states] of this.#states)
      for (const [key, stored] of states.changes())
        entries.push([`${kind}/${key}`, stored && `${stored.order} ${stored.state}`]);
    return {
      since: this.#since,
      core: {
        format: FORECAST_FORMAT,
        knowledge: this.#predictor.knowledge.toData(),
        cursor: orNull(this.#cursor),
        listAt: orNull(this.#listAt),
        reached: orNull(this.#reached),
        cold: this.#cold,
        weeks: this.#monitor.toData(),
        order: this.#order,
      },
      entries,
    };
  }

  /** Attempts that began when nothing was known yet, or that became known too late. */
  get cold(): number {
    return this.#cold;
  }

  /** The time up to which attempts and outcomes are known. */
  get reached(): number {
    return this.#reached;
  }

  /** Live figures beside those of the card. */
  weeks(): readonly WeekDrift[] {
    return this.#monitor.weeks();
  }

  /** Who is likely to fail in the 15 minutes after what is known. */
  likely(): readonly Likely[] {
    return Number.isFinite(this.#reached) ? this.#likelyAt(this.#reached) : [];
  }

  /** Event time is `now`. */
  advance(now: number): void {
    const to = now - TOLD_AFTER_MS;
    for (let next = this.#turns.first; next !== undefined && next.record.attempt.at < to; next = this.#turns.first) {
      this.#turns.take();
      const held = this.#held.get(next.serial);
      // What became known meanwhile has a turn of its own.
      if (held?.record !== next.record) continue;
      this.#list(next.record.attempt.at);
      this.#tell(next.serial, held, next.record);
    }
    // After the end of input more may come.
    if (!Number.isFinite(to)) return;
    this.#list(to);
    this.#cursor = Math.max(this.#cursor, to);
  }

  /** In the order in which they become known, after `advance` to that time. */
  loggedIn(login: Login): void {
    const { serial } = login;
    const at = Math.round(login.startedAt);
    if (at < this.#cursor || this.#held.has(serial) || this.#given.has(serial)) return;
    const decision = {
      at: Math.max(at, Math.round(login.at)),
      kind: 'ok',
      tcpMs: undefined,
      tlsMs: undefined,
      authMs: Math.max(0, Math.round(login.at - login.startedAt)),
      poolUsed: login.poolFull ? 1 : undefined,
      rekeyed: login.rekeyed,
    } as const;
    this.#wait(serial, { attempt: attemptOf('', at, login), decision, revision: 0 }, []);
  }

  /**
   * A profile, in the order of closing, after `advance` to that time. `isRevised`: it replaces one that came before. One that is no attempt goes on
   * without a risk.
   */
  closed(profile: Profile, serial: number, isRevised: boolean): void {
    const read = readAttempt(profile);
    if (read.kind === 'problem') {
      this.#profiles.push(profile);
      return;
    }
    const { record } = read;
    const held = this.#held.get(serial);
    const prediction = held?.prediction ?? this.#given.get(serial)?.prediction;
    if (prediction !== undefined) {
      if (held !== undefined && !isRevised) this.#learnEnd(record, prediction);
      this.#give(serial, profile, prediction);
    } else if (record.attempt.at < this.#cursor) {
      if (!isRevised) this.#predictor.knowledge.beganUnseen(record);
      this.#cold++;
      const risk = { risk: this.#loaded.side.base_rate, basis: 'base_rate' } as const;
      this.#give(serial, profile, this.#prediction(risk, record));
    } else this.#wait(serial, record, [...(held?.profiles ?? []), profile]);
  }

  /** What came out since it was last asked. */
  take(): Forecasted {
    const out = { profiles: this.#profiles, likely: this.#likely };
    this.#profiles = [];
    this.#likely = [];
    return out;
  }

  #wait(serial: number, record: AttemptRecord, profiles: readonly Profile[]): void {
    this.#hold(serial, { record, profiles, prediction: undefined });
    this.#turns.add({ serial, record });
  }

  /** The attempt's turn has come: all that was decided before it began is known. */
  #tell(serial: number, { profiles }: Held, record: AttemptRecord): void {
    const { attempt, decision } = record;
    this.#cursor = Math.max(this.#cursor, attempt.at);
    if (!(attempt.at - this.#reached <= SILENT_MS)) this.#listAt = this.#firstListAfter(attempt.at);
    const risk = this.#predictor.next(record);
    if (!profiles.some(isOutside)) this.#outlook.note(attempt);
    if (risk.basis === 'base_rate') this.#cold++;
    this.#keys.note(attempt, risk.risk);
    this.#reached = Math.max(this.#reached, attempt.at, decision.at);
    const prediction = this.#prediction(risk, record);
    this.#hold(serial, { record: undefined, profiles: [], prediction });
    if (profiles.length > 0) this.#monitored(record, prediction);
    for (const profile of profiles) this.#give(serial, profile, prediction);
  }

  #prediction({ risk, basis }: Risk, { attempt }: AttemptRecord): Prediction {
    const next = this.#keys.next(attempt);
    return { risk: Math.round(risk * 1e6) / 1e6, model: this.#loaded.name, basis, next };
  }

  /** It had logged in when its turn came; now it is known how it ended. */
  #learnEnd(record: AttemptRecord, prediction: Prediction): void {
    const { attempt, decision } = record;
    if (decision.kind !== 'ok') this.#predictor.knowledge.ended(attempt, decision);
    this.#monitored(record, prediction);
  }

  #monitored(record: AttemptRecord, { basis, risk }: Prediction): void {
    if (basis === 'model' && record.attempt.at > Date.parse(this.#loaded.side.trained_on.to))
      this.#monitor.add(record, risk);
  }

  #give(serial: number, profile: Profile, prediction: Prediction): void {
    this.#profiles.push({ ...profile, imapwhy: { ...profile.imapwhy, prediction } });
    if (this.#held.delete(serial)) this.#journal.note(`held/${serial}`);
    this.#given.delete(serial);
    this.#given.set(serial, { order: this.#order++, prediction });
    this.#journal.note(`given/${serial}`);
    if (this.#given.size <= GIVEN_MAX) return;
    const oldest = this.#given.keys().next();
    if (oldest.done) return;
    this.#given.delete(oldest.value);
    this.#journal.note(`given/${oldest.value}`);
  }

  #hold(serial: number, held: Held): void {
    this.#held.set(serial, held);
    this.#journal.note(`held/${serial}`);
  }

  // ---- who is likely to fail next ----

  /** Gives out the lists that are due by `to`, each as of a time before which everything is known. */
  #list(to: number): void {
    const { listMs } = this.#options;
    if (listMs === undefined || Number.isNaN(this.#listAt)) return;
    for (; this.#listAt <= to && this.#listAt <= this.#reached + SILENT_MS; this.#listAt += listMs) {
      const at = this.#listAt;
      this.#likely.push(...likelyDocuments(this.#likelyAt(at), at, at + TOLD_AFTER_MS, this.#loaded.name));
    }
  }

  #firstListAfter(at: number): number {
    const { listMs } = this.#options;
    return listMs === undefined ? Number.NaN : (Math.floor(at / listMs) + 1) * listMs;
  }

  #likelyAt(at: number): readonly Likely[] {
    return this.#outlook.at(at, this.#predictor, this.#loaded.model.scaling, LIKELY_RISK, LIKELY_MAX);
  }

  // ---- writing down ----

  /** Everything that is kept by key, by the names of its parts. */
  get #states(): ReadonlyMap<string, KeyedStates<PackedState>> {
    const states = new Map<string, KeyedStates<PackedState>>();
    for (const [kind, known] of this.#predictor.knowledge.byKind) states.set(`knowledge/${kind}`, known);
    for (const [kind, risks] of Object.entries(this.#keys.byKind)) states.set(`risk/${kind}`, risks);
    states.set('rhythm/client', this.#outlook.rhythms);
    return states;
  }

  #written(key: string): string | undefined {
    const serial = Number(key.slice(key.indexOf('/') + 1));
    const value = key.startsWith('held/') ? this.#held.get(serial) : this.#given.get(serial);
    return value && JSON.stringify(value);
  }

  #restore(entries: StoredForecast['entries']): void {
    const byKind = new Map<string, [string, StoredState][]>();
    const given: [number, Given][] = [];
    for (const [key, text] of entries) {
      const [, kind = '', name = ''] = /^(held|given|[a-z]+\/[a-z]+)\/(.*)$/s.exec(key) ?? [];
      if (kind === 'held') {
        const held: Held = JSON.parse(text);
        this.#held.set(Number(name), held);
        if (held.record) this.#turns.add({ serial: Number(name), record: held.record });
      } else if (kind === 'given') given.push([Number(name), JSON.parse(text)]);
      else {
        const space = text.indexOf(' ');
        const stored = { order: Number(text.slice(0, space)), state: text.slice(space + 1) };
        const list = byKind.get(kind);
        if (list) list.push([name, stored]);
        else byKind.set(kind, [[name, stored]]);
      }
    }
    for (const [serial, g] of given.sort(([, a], [, b]) => a.order - b.order)) this.#given.set(serial, g);
    for (const [kind, states] of this.#states) states.restore(byKind.get(kind) ?? []);
  }
}

function isBefore(a: Turn, b: Turn): boolean {
  const earlier = byStart(a.record.attempt, b.record.attempt) || a.serial - b.serial;
  return earlier < 0;
}

/** Attempts of no legitimate user: they are known to have happened, and nobody is warned of them. */
const isOutside = (profile: Profile): boolean =>
  profile.imapwhy.cause.label === 'security.attack' || isApart(standingOf(profile));

const orNull = (x: number): number | null => (Number.isFinite(x) ? x : null);
