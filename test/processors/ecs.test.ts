import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceRecord } from '../../ingest/record.ts';
import { eventId, toEcs } from '../../processors/ecs.ts';
import { ParseStage } from '../../processors/parse/index.ts';
import { newRedaction } from '../../processors/redact.ts';
import { fixedZone, UTC } from '../../processors/time.ts';

const NEAR = Date.UTC(2026, 10, 24);
const SOURCE = { index: 0, name: 'logs/mail.log', fingerprint: 'FINGERPRINT', modifiedAt: undefined };
const redaction = newRedaction('a key for tests only');

/** The document of one record as it is written. */
function document(record: string | SourceRecord, zone = UTC): Record<string, unknown> {
  const stage = new ParseStage();
  stage.open(SOURCE, zone, NEAR);
  const [event] = stage.push(SOURCE, [typeof record === 'string' ? { text: record, offset: 100 } : record]);
  assert.ok(event !== undefined);
  return JSON.parse(JSON.stringify(toEcs(event, SOURCE, redaction, zone.name)));
}

/** The value at a path such as `event.kind`. */
function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce((v, name) => (typeof v === 'object' && v !== null ? Reflect.get(v, name) : undefined), value);
}

const LOGIN =
  'Nov 24 03:24:10 mx1 dovecot[7]: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=198.51.100.7, lip=192.0.2.10, mpid=9, TLS, session=<lLtlPv1g9dvGM2QU>';

test('every event says when, where from, who and what', () => {
  const d = document(LOGIN, fixedZone(60));
  assert.deepEqual(
    Object.fromEntries(
      [
        '@timestamp',
        'ecs.version',
        'event.id',
        'event.kind',
        'event.dataset',
        'event.original',
        'event.timezone',
        'host.name',
        'log',
      ].map((path) => [path, at(d, path)]),
    ),
    {
      '@timestamp': '2026-11-24T02:24:10.000Z',
      'ecs.version': '9.4.0',
      'event.id': 'FINGERPRINT-2s',
      'event.kind': 'event',
      'event.dataset': 'dovecot.login',
      'event.original': LOGIN,
      'event.timezone': '+01:00',
      'host.name': 'mx1',
      log: { file: { path: 'logs/mail.log' }, offset: 100, syslog: { appname: 'dovecot', procid: '7' } },
    },
  );
  assert.deepEqual(at(d, 'related'), {
    ip: ['198.51.100.7', '192.0.2.10'],
    user: ['anna@example.org'],
    hosts: ['mx1'],
  });
});

test('a stamp that knows its zone assumes none', () => {
  assert.equal(at(document(`2026-11-24T03:24:10+01:00 ${LOGIN.slice(16)}`), 'event.timezone'), undefined);
});

test('a record that no format takes is a searchable event', () => {
  const d = document('what is this');
  assert.equal(at(d, 'event.kind'), 'pipeline_error');
  assert.equal(at(d, 'event.original'), 'what is this');
  assert.equal(at(d, 'error.code'), 'unknown_format');
  assert.equal(typeof at(d, 'error.message'), 'string');
  assert.deepEqual(at(d, 'tags'), ['_parse_failure']);
});

test('what framing did to a record is a tag', () => {
  assert.deepEqual(at(document({ text: LOGIN, offset: 0, flaw: 'invalid_utf8' }), 'tags'), ['_invalid_utf8']);
  const cut = document({ text: 'x'.repeat(40_000), offset: 0, flaw: 'truncated' });
  assert.deepEqual(at(cut, 'tags'), ['_parse_failure', '_truncated', '_original_cut']);
  assert.equal(String(at(cut, 'event.original')).length, 32 * 1024);
});

test('a secret is replaced in the record and in every field that repeats it', () => {
  const line =
    'Nov 24 03:24:10 mx1 dovecot: auth: passdb(anna,198.51.100.7): Password mismatch (given password: hunter2)';
  const json = JSON.stringify(document(line));
  assert.ok(!json.includes('hunter2'));
  assert.match(String(at(document(line), 'event.original')), /\(given password: \[secret:1-7:[\w-]{10}\]\)$/);
});

test('a secret far behind the end of what is kept does not come out in a field', () => {
  const line = `198.51.100.30 - - [24/Nov/2026:03:24:10 +0000] "GET /${'x'.repeat(33_000)}?token=hunter2hunter2 HTTP/1.1" 200 2 "-" "-"`;
  assert.ok(!JSON.stringify(document(line)).includes('hunter2'));
});

test('keys never come from the input', () => {
  for (const user of ['__proto__', 'constructor', '"},"admin":true,"x":{"', '\u0000\u001b[31m<b>']) {
    const d = document(LOGIN.replace('anna@example.org', user));
    assert.deepEqual(
      Object.keys(d).filter((key) => !/^(?:@timestamp|[a-z_]+)$/.test(key)),
      [],
    );
    assert.equal(Object.getPrototypeOf(d), Object.prototype);
    assert.equal(at(d, 'admin'), undefined);
  }
});

test('ids are made of the fingerprint and the offset alone', () => {
  assert.equal(eventId('abc', 0), 'abc-0');
  assert.equal(eventId('abc', 123_456_789), 'abc-21i3v9');
});
