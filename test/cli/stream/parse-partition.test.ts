import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ParsePartition, type RawRecord } from '../../../cli/stream/parse-partition.ts';
import { newRedaction } from '../../../processors/redact.ts';
import { parseZone, UTC } from '../../../processors/time.ts';
import { dovecotId } from '../../timed-events.ts';
import { KeptParse } from './in-memory.ts';

const NOW = Date.UTC(2026, 10, 24, 5);
const options = { topic: 'raw', partition: 0, partitions: 4, zone: UTC, redaction: newRedaction('a key of the tests') };
const at = (clock: string): number => Date.parse(`2026-11-24T${clock}Z`);
const id = dovecotId(at('04:00:00.250'), 41_000, '198.51.100.20');
const login = (stamp: string, session = `, session=<${id}>`): string =>
  `${stamp} mx1 dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=198.51.100.20, lip=192.0.2.10, mpid=4000, TLS${session}`;
const logout = (stamp: string, session = `<${id}>`): string =>
  `${stamp} mx1 dovecot: imap(anna@example.org)<4000>${session}: Disconnected: Logged out in=70 out=4221 deleted=0 expunged=0 trashed=0 hdr_count=16 hdr_bytes=2694 body_count=0 body_bytes=0`;

const raw = (...texts: readonly string[]): RawRecord[] =>
  texts.map((text, offset) => ({ offset, timestamp: NOW, text, origin: undefined }));
const placesOf = (events: readonly (readonly unknown[])[]): readonly number[] =>
  events.flatMap((list, p) => list.map(() => p));

describe('a partition of a raw topic', () => {
  test('sends the lines of one connection to one partition of sessions', () => {
    const { events, documents } = new ParsePartition(options).push(
      raw(login('Nov 24 04:00:01'), logout('Nov 24 04:00:09')),
      NOW,
    );
    assert.equal(new Set(placesOf(events)).size, 1);
    assert.equal(placesOf(events).length, 2);
    assert.equal(documents.length, 2);
  });

  test('finds it by the mail process too, where lines have no session id, also after a restart', () => {
    const before = new ParsePartition(options);
    const first = before.push(raw(login('Nov 24 04:00:01', '')), NOW);
    const kept = new KeptParse();
    kept.add(before);
    const after = new ParsePartition(options, kept.stored(), parseZone);
    const second = after.push(raw(logout('Nov 24 04:00:09', '')), NOW);
    assert.deepEqual(placesOf(second.events), placesOf(first.events));
  });

  test('where nobody correlates, lines are documents and nothing else', () => {
    const p = new ParsePartition({ ...options, partitions: 0 });
    const lines = raw(login('Nov 24 04:00:01'), 'Nov 24 04:00:02 fw openvpn[7]: Initialization Sequence Completed');
    const { events, facts, sources, documents } = p.push(lines, NOW);
    assert.deepEqual([events, facts, sources], [[], [], []]);
    const whole = new ParsePartition(options).push(lines, NOW);
    assert.equal(whole.facts.length, 1);
    assert.deepEqual(documents, whole.documents);
    const kept = new KeptParse();
    kept.add(p);
    const later = new ParsePartition(options, kept.stored(), parseZone).push([], NOW);
    assert.deepEqual(later.sources, whole.sources, 'who correlates from now on hears of what was read before');
  });

  test('a clock that is fast has come no further than the clock on the wall', () => {
    const p = new ParsePartition(options);
    p.push(raw(login('Nov 25 04:00:01')), NOW);
    assert.equal(p.progress(true).reached, NOW);
  });

  test('a stamp of the far future is a document, not something to wait for', () => {
    const p = new ParsePartition(options);
    const { documents, events, ahead } = p.push(
      raw(
        '2031-11-24T04:00:01.000Z mx1 dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=198.51.100.20, lip=192.0.2.10, mpid=4000, TLS, session=<x>',
      ),
      NOW,
    );
    assert.equal(documents.length, 1);
    assert.equal(ahead, 1);
    assert.deepEqual(placesOf(events), []);
    assert.equal(p.progress(true).reached, null, 'and its source has come no further for it');
  });

  test('after its end, silence lets time go on', () => {
    const p = new ParsePartition(options);
    p.push(raw(login('Nov 24 04:00:01')), NOW);
    assert.equal(p.silence(65_000).reached, at('04:01:01'));
    assert.equal(new ParsePartition(options).silence(65_000).reached, null, 'nothing was ever said');
  });

  test('what is written down for a step is as much as changed, however many processes and files there were', () => {
    const p = new ParsePartition(options);
    const kept = new KeptParse();
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      login('Nov 24 04:00:01', '').replace('mpid=4000', `mpid=${i + 1}`),
    );
    p.push(raw(...lines), NOW);
    kept.add(p);
    assert.ok(kept.longest < 1000, `${kept.longest} characters in one entry`);
    p.push(raw(login('Nov 24 04:00:02', '').replace('mpid=4000', 'mpid=7')), NOW);
    assert.equal(p.changes().addresses.length, 1);
    assert.equal(p.changes().sources.length, 0);
  });

  test('of an endless number of files those that spoke last are kept, here and in what is written down', () => {
    const p = new ParsePartition(options);
    const kept = new KeptParse();
    const origin = (n: number) => ({
      // Of two that follow each other, one shares its number with many others.
      fingerprint: n % 2 === 0 ? `${String(n).padStart(8, '0')}file` : `file0000${String(n).padStart(8, '0')}`,
      offset: 0,
      name: 'f',
      zone: UTC,
      clock: undefined,
    });
    const [record] = raw(login('Nov 24 04:00:01'));
    assert.ok(record);
    for (let n = 0; n < 12_000; n += 1000) {
      p.push(
        Array.from({ length: 1000 }, (_, i) => ({ ...record, origin: origin(n + i) })),
        NOW,
      );
      p.push([{ ...record, origin: origin(0) }], NOW);
      kept.add(p);
    }
    assert.ok(kept.size <= 11_000, `${kept.size} files`);
    assert.deepEqual(p.push([{ ...record, origin: origin(0) }], NOW).sources, [], 'who goes on speaking stays');
  });

  test('a line that nobody understands is a document, and no event', () => {
    const { documents, events, unparsed } = new ParsePartition(options).push(raw('what is this?'), NOW);
    assert.equal(unparsed, 1);
    assert.equal(documents.length, 1);
    assert.deepEqual(placesOf(events), []);
  });

  test('keeps secrets to itself: neither documents nor events hold one', () => {
    const line = `${login('Nov 24 04:00:01')} password=hunter2-the-second`;
    const parsed = new ParsePartition(options).push(raw(line), NOW);
    assert.ok(!JSON.stringify(parsed).includes('hunter2-the-second'));
  });
});
