import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { readLab, slice } from './lab-corpus.ts';
import { type Answers, answersFor, compare } from './run.ts';
import { VARIATIONS } from './vary.ts';

/**
 * The same site told differently must get the same answers. Here on some minutes of the sample with loss, a rate limit, a flap and a WAF
 * window in them; `node test/metamorphic/full.ts` does it with all of it, and its table is in docs/metamorphic.md.
 */
const FROM = Date.parse('2026-11-24T03:46:30Z');
const TO = Date.parse('2026-11-24T03:51:30Z');

/** Share of sessions that keep their answer: what the slice reaches, rounded down. Variations that take knowledge away lose some of it. */
const BOUNDED: readonly (readonly [name: string, same: number])[] = [
  ['zones: mail -300 min', 0.99],
  ['format: RFC 5424', 0.99],
  ['format: journald JSON', 0.99],
  ['format: Dovecot log file', 0.99],
  ['names: other users', 0.99],
  ['addresses: other networks', 0.99],
  ['addresses: one site on IPv6', 0.99],
  ['Dovecot 2.2', 0.95],
  ['Dovecot 2.4', 0.99],
  ['without netflow', 0.95],
  ['clocks: haproxy +3.7 s', 0.98],
  ['health checks every 5 s', 0.98],
  ['HAProxy without the PROXY protocol', 0.95],
  ['order: all lines in one file, shuffled', 0.98],
  ['time: across New Year', 0.99],
];

/** Dovecot 2.2 names no session in its imap lines: the end of a session can go to another one of the same user. */
const ACCUSED_MAX: ReadonlyMap<string, number> = new Map([['Dovecot 2.2', 0.01]]);

describe('the sample told differently', () => {
  const lab = slice(readLab(join(import.meta.dirname, '../../samples/lab-a')), FROM, TO);
  let untouched: Answers;

  before(async () => {
    untouched = await answersFor(lab, { name: 'untouched', change: (c) => c });
  });

  it('has sessions that failed and sessions that did not', () => {
    const failed = untouched.profiles.filter((p) => p.imapwhy.cause.label !== 'none').length;
    assert.ok(failed > 50, `${failed} failed`);
    assert.ok(untouched.profiles.length - failed > 500, `${untouched.profiles.length - failed} did not`);
  });

  for (const [name, same] of BOUNDED) {
    it(`${name}: the same sessions, the same answers`, async () => {
      const variation = VARIATIONS.find((v) => v.name.startsWith(name));
      assert.ok(variation, `no variation is called ${name}`);
      const varied = await answersFor(lab, variation);
      const comparison = compare(untouched, varied);
      assert.ok(comparison.matched >= 0.99, `${comparison.matched} of the sessions were found`);
      assert.ok(
        comparison.same >= same,
        `${comparison.same} kept their answer; changed: ${comparison.changes.slice(0, 5).join('; ')}`,
      );
      assert.ok(
        varied.score.accusedShare <= (ACCUSED_MAX.get(name) ?? 0.005),
        `${varied.score.accusedShare} of the healthy were accused`,
      );
    });
  }
});
