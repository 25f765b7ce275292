/** What must hold for any input order and any cut, tried on slices of the sample logs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type ClosedSession,
  Correlate,
  type CorrelateState,
  DEFAULT_CORRELATE_OPTIONS,
  type TimedEvent,
} from '../../../processors/correlate/correlate.ts';
import { timedFolder } from '../../timed-events.ts';

const SLICE = 700;
const LATENESS_MS = 30_000;

const sample = await timedFolder(new URL('../../../samples/lab-a/logs', import.meta.url).pathname);
/** So few that some are evicted in every slice, and so impatient that many sessions close before their last line. */
const IMPATIENT = { ...DEFAULT_CORRELATE_OPTIONS, settleMs: 5000, idleLimitMs: 60_000, openMax: 40 };

/** The same as a site would have it whose log format leaves the session id out. */
const nameless = sample.map((t) => ('session' in t.event ? { ...t, event: { ...t.event, session: undefined } } : t));
const slices = fc
  .tuple(fc.integer({ min: 0, max: sample.length - SLICE }), fc.constantFrom(sample, nameless))
  .map(([from, events]) => events.slice(from, from + SLICE));
const options = fc.constantFrom(DEFAULT_CORRELATE_OPTIONS, IMPATIENT);
const runs = { numRuns: 40 };

/** One answer a line, written down at once, because an answer must not change after it was given. */
class Answers {
  readonly lines: string[] = [];
  readonly advance = (correlate: Correlate, to: number): void => {
    const out: ClosedSession[] = [];
    correlate.advance(to, out);
    for (const closed of out) this.lines.push(JSON.stringify(closed));
  };
}

function allAtOnce(events: readonly TimedEvent[], o = DEFAULT_CORRELATE_OPTIONS): readonly string[] {
  const answers = new Answers();
  const correlate = new Correlate(o);
  correlate.push(events);
  answers.advance(correlate, Number.POSITIVE_INFINITY);
  return answers.lines;
}

/** In chunks that end at `cuts` (shares of the whole), each followed by an advance to as far as lateness allows. */
function inChunks(
  events: readonly TimedEvent[],
  cuts: readonly number[],
  o = DEFAULT_CORRELATE_OPTIONS,
  between: (correlate: Correlate) => Correlate = (correlate) => correlate,
): readonly string[] {
  const answers = new Answers();
  let correlate = new Correlate(o);
  let from = 0;
  for (const cut of [...cuts, 1].sort((a, b) => a - b)) {
    const to = Math.round(cut * events.length);
    correlate.push(events.slice(from, to));
    from = to;
    const rest = events.slice(to);
    // As far as the lines that are still to come allow.
    if (rest.length > 0) answers.advance(correlate, Math.min(...rest.map((e) => e.seenAt)));
    correlate = between(correlate);
  }
  answers.advance(correlate, Number.POSITIVE_INFINITY);
  return answers.lines;
}

/** Moves each event by at most the lateness. */
function shuffled(events: readonly TimedEvent[], shares: readonly number[]): readonly TimedEvent[] {
  const moved = events.map((e, i) => ({ e, at: e.seenAt + (shares[i % shares.length] ?? 0) * LATENESS_MS }));
  return moved.sort((a, b) => a.at - b.at).map(({ e }) => e);
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 200 });

describe('correlation', () => {
  test('gives the same bytes for any chunks', () => {
    fc.assert(
      fc.property(slices, cuts, options, (events, at, o) => {
        assert.deepEqual(inChunks(events, at, o), allAtOnce(events, o));
      }),
      runs,
    );
  });

  test('gives the same bytes for any order within the lateness', () => {
    fc.assert(
      fc.property(slices, shares, cuts, options, (events, by, at, o) => {
        assert.deepEqual(inChunks(shuffled(events, by), at, o), allAtOnce(events, o));
      }),
      runs,
    );
  });

  test('gives the same bytes when it is taken up from its state', () => {
    const again = (correlate: Correlate, o = DEFAULT_CORRELATE_OPTIONS): Correlate => {
      const state: CorrelateState = JSON.parse(JSON.stringify(correlate.snapshot()));
      return Correlate.restore(state, o);
    };
    fc.assert(
      fc.property(slices, cuts, options, (events, at, o) => {
        assert.deepEqual(
          inChunks(events, at, o, (correlate) => again(correlate, o)),
          allAtOnce(events, o),
        );
      }),
      runs,
    );
  });

  test('a state that was taken up is the same state', () => {
    fc.assert(
      fc.property(slices, cuts, options, (events, at, o) => {
        inChunks(events, at, o, (correlate) => {
          const written = JSON.stringify(correlate.snapshot());
          const taken = Correlate.restore(JSON.parse(written), o);
          assert.equal(JSON.stringify(taken.snapshot()), written);
          return taken;
        });
      }),
      runs,
    );
  });

  test('loses and doubles no line', () => {
    fc.assert(
      fc.property(slices, options, (events, o) => {
        const correlate = new Correlate(o);
        correlate.push(events);
        const out: ClosedSession[] = [];
        correlate.flush(out);
        // The last answer about a session stands for all of it.
        const last = new Map(out.map(({ session }) => [session.serial, session]));
        const lines = new Set<string>();
        let kept = 0;
        let omitted = 0;
        for (const s of last.values()) {
          assert.equal(s.lines.length, 3 * s.lineKinds.length);
          for (let i = 0; i < s.lineKinds.length; i++) lines.add(`${s.lines[3 * i]} ${s.lines[3 * i + 1]}`);
          kept += s.lineKinds.length;
          omitted += s.linesOmitted;
        }
        assert.equal(lines.size, kept, 'no line is in two sessions');
        assert.equal(kept + omitted, correlate.joined, 'every line that was joined is in a session');
        assert.equal(correlate.openSessions, 0);
      }),
      runs,
    );
  });

  test('is not late within the lateness', () => {
    fc.assert(
      fc.property(slices, shares, (events, by) => {
        const correlate = new Correlate();
        let reached = Number.NEGATIVE_INFINITY;
        for (const e of shuffled(events, by)) {
          correlate.push([e]);
          reached = Math.max(reached, e.seenAt);
          correlate.advance(reached - LATENESS_MS, []);
        }
        assert.equal(correlate.late, 0);
      }),
      runs,
    );
  });

  test('the whole sample: the same bytes twice, and in two kinds of chunks', () => {
    const once = allAtOnce(sample);
    assert.ok(once.length > 10_000);
    assert.deepEqual(allAtOnce(sample), once);
    const cutsOfAll = Array.from({ length: 60 }, (_, i) => i / 60);
    assert.deepEqual(inChunks(sample, cutsOfAll), once);
  });
});
